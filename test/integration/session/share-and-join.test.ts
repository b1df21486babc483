import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerView, SessionView } from '../../../extension/src/rpc/model.ts';
import { commit, git, revParse } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

let world: World;
let alice: Person;
let bob: Person;
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(() => world.end());

describe('two people', () => {
  it('share and join: a full clone, then commits, branches and tags cross both ways', async () => {
    const { host, guest } = await world.pair(alice, bob);
    expect(revParse(bob.repo, 'main')).toBe(revParse(alice.repo, 'main'));
    expect(readFileSync(join(bob.repo, 'README.md'), 'utf8')).toBe('# Project\n');

    const byAlice = commit(alice.repo, { 'a.txt': 'from Alice\n' });
    await guest.ref('refs/heads/main', byAlice);
    expect(readFileSync(join(bob.repo, 'a.txt'), 'utf8')).toBe('from Alice\n');
    expect(git(bob.repo, 'status', '--porcelain')).toBe('');

    const byBob = commit(bob.repo, { 'b.txt': 'from Bob\n' });
    await host.ref('refs/heads/main', byBob);
    expect(readFileSync(join(alice.repo, 'b.txt'), 'utf8')).toBe('from Bob\n');

    git(bob.repo, 'branch', 'idea');
    await host.ref('refs/heads/idea', byBob);
    git(alice.repo, 'tag', '--annotate', '--message', 'One', 'v1');
    await guest.ref('refs/tags/v1', revParse(alice.repo, 'v1'));

    expect(git(bob.repo, 'rev-parse', 'refs/remotes/peers/alice/main')).toBe(byBob);
    for (const { repo } of [alice, bob]) git(repo, 'fsck', '--strict');
    expect(await guest.stop()).toBe(0);
    expect(await host.stop('SIGINT')).toBe(0);
  });

  it('[SY4] a divergence is told as a conflict with both tips, and other branches go on', async () => {
    const { host, guest } = await world.pair(alice, bob);
    // Stopped engines hear nothing, so the two really commit at the same time.
    host.child.kill('SIGSTOP');
    const byBob = commit(bob.repo, { 'b.txt': '1\n' });
    guest.child.kill('SIGSTOP');
    const byAlice = commit(alice.repo, { 'a.txt': '1\n' });
    for (const engine of [host, guest]) engine.child.kill('SIGCONT');
    for (const engine of [host, guest]) {
      const event = await engine.event((e) => e.event === 'conflict');
      expect(event).toMatchObject({
        branch: 'main',
        candidates: expect.arrayContaining([
          { oid: byAlice, owners: ['Alice'] },
          { oid: byBob, owners: ['Bob'] },
        ]) as unknown,
      });
    }
    expect([revParse(alice.repo, 'main'), revParse(bob.repo, 'main')]).toEqual([byAlice, byBob]);
    git(bob.repo, 'branch', 'other');
    await host.ref('refs/heads/other', byBob);
  });

  it('status, peers, sync and leave reach the engine that runs, through .git/peerweave', async () => {
    const { host, guest } = await world.pair(alice, bob);
    const status = (await world.run(alice, 'status', '--json')).lines[0] as SessionView;
    expect(status).toMatchObject({
      repo: alice.repo,
      role: 'owner',
      phase: 'live',
      self: { name: 'Alice', branch: 'main' },
    });
    const peer = (await world.run(bob, 'peers', '--json')).lines[0] as PeerView;
    expect(peer).toMatchObject({ name: 'Alice', role: 'owner', state: 'online', route: 'tcp', branch: 'main' });
    expect((await world.run(bob, 'sync', '--json')).code).toBe(0);
    expect((await world.run(bob, 'leave')).code).toBe(0);
    expect(await guest.exit()).toBe(0);
    await host.event((event) => event.event === 'peer' && event.state === 'left');
    const gone = await world.run(bob, 'status');
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(/^peerweave: No running session.*\n$/);
    expect(existsSync(join(bob.repo, '.git/peerweave/session.json'))).toBe(false);
  });

  it('[SE9] an engine that died is resumed, on either side, and catches up without an invite', async () => {
    const { host, guest } = await world.pair(alice, bob);
    expect(statSync(join(bob.home, 'identity.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(bob.repo, '.git/peerweave/session.json')).mode & 0o777).toBe(0o600);
    await guest.stop('SIGKILL');
    const missed = commit(alice.repo, { 'missed.txt': '1\n' });
    const back = world.resume(bob);
    await back.ref('refs/heads/main', missed);

    await host.stop('SIGKILL');
    const offline = commit(bob.repo, { 'offline.txt': '1\n' });
    const hostAgain = world.resume(alice);
    await hostAgain.ref('refs/heads/main', offline);
    for (const { repo } of [alice, bob]) git(repo, 'fsck', '--strict');
  });

  it('[SE9] a guest that dies while history arrives goes on where the tip is', async () => {
    for (let n = 0; n < 8; n++) commit(alice.repo, { [`blob-${n}`]: randomBytes(2_000_000) });
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await guest.event((event) => event.event === 'session' && event.phase === 'history');
    await guest.stop('SIGKILL');
    expect(readFileSync(join(bob.repo, 'README.md'), 'utf8')).toBe('# Project\n');
    const back = world.resume(bob);
    await back.synced('Alice');
    expect(git(bob.repo, 'rev-parse', '--is-shallow-repository')).toBe('false');
    expect(git(bob.repo, 'rev-list', '--count', 'main')).toBe('9');
    git(bob.repo, 'fsck', '--strict');
  });

  it('[SE8] the invite’s secret is in no log and no argument', async () => {
    const { host, guest } = await world.pair(alice, bob);
    const invite = await host.invite();
    for (const engine of [host, guest]) {
      expect(engine.stderr).not.toContain(invite);
      expect(engine.child.spawnargs.join(' ')).not.toContain(invite);
    }
  });
});

describe('a third and a fourth person', () => {
  it('link to everybody: a commit by one reaches all, also after the host left', async () => {
    const { host, guest } = await world.pair(alice, bob);
    const invite = await host.invite();
    const others = ['Carol', 'Dave'].map((name) => world.person(name));
    const engines = others.map((person) => world.join(person, invite));
    const everyone = [host, guest, ...engines];
    const names = ['Alice', 'Bob', 'Carol', 'Dave'];
    for (const [index, engine] of everyone.entries()) {
      for (const name of names) {
        if (name === names[index]) continue;
        await engine.event((event) => event.event === 'peer' && event.peer === name && event.state === 'online');
      }
    }
    expect(await host.stop()).toBe(0);
    const byCarol = commit(others[0]!.repo, { 'c.txt': 'from Carol\n' });
    await guest.ref('refs/heads/main', byCarol);
    await engines[1]!.ref('refs/heads/main', byCarol);
  });
});
