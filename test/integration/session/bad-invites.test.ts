import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { decodeInvite, encodeInvite, newSecret } from '../../../extension/src/p2p/session/invite.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { commit, git, initRepository } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

let world: World;
let alice: Person;
let bob: Person;
let host: EngineProcess;
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(() => world.end());

/** Joins and expects a typed refusal, one readable line, nothing left behind and a host that still serves. */
async function refusal(invite: string, ...flags: string[]): Promise<string> {
  const guest = world.join(bob, invite, ...flags);
  const code = await guest.exit();
  expect(code).toBe(1);
  expect(guest.stderr).toMatch(/^peerweave: .+\n$/);
  const error = guest.events.find((event) => event.event === 'error');
  return error?.event === 'error' ? error.reason : 'none';
}

async function hostStillServes(): Promise<void> {
  const carol = world.person('Carol');
  const guest = world.join(carol, await host.invite());
  await guest.synced();
  git(alice.repo, 'fsck', '--strict');
}

describe('bad invites', () => {
  it('wrong, truncated and foreign ones are refused before anything is dialed', async () => {
    host = world.share(alice, '--approve', 'auto');
    const invite = await host.invite();
    expect(await refusal('https://example.org/not-an-invite')).toBe('invite-foreign');
    expect(await refusal(invite.slice(0, -10))).toBe('invite-malformed');
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('[SE1] an expired one says whom to ask', async () => {
    host = world.share(alice, '--approve', 'auto');
    const expired = encodeInvite({ ...decodeInvite(await host.invite()), expiresAt: Date.now() - 1 });
    expect(await refusal(expired)).toBe('invite-expired');
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('[SE4] one with another secret is not admitted', async () => {
    host = world.share(alice, '--approve', 'auto');
    const forged = encodeInvite({ ...decodeInvite(await host.invite()), secret: newSecret() });
    expect(await refusal(forged)).toBe('not-admitted');
    expect(existsSync(bob.repo)).toBe(false);
    await hostStillServes();
  });

  it('[SE3] a host whose key is not the invite’s is refused', async () => {
    host = world.share(alice, '--approve', 'auto');
    const swapped = encodeInvite({ ...decodeInvite(await host.invite()), host: createIdentity().peer });
    expect(await refusal(swapped)).toBe('host-key-mismatch');
    expect(existsSync(bob.repo)).toBe(false);
    await hostStillServes();
  });

  it('nobody at the address: says so', async () => {
    host = world.share(alice, '--approve', 'auto');
    const invite = await host.invite();
    await host.stop();
    expect(await refusal(invite)).toBe('unreachable');
    expect(existsSync(bob.repo)).toBe(false);
  });
});

describe('approval', () => {
  it('[SE4] the joiner waits visibly; allow lets it in', async () => {
    host = world.share(alice);
    const guest = world.join(bob, await host.invite());
    await guest.event((event) => event.event === 'session' && event.phase === 'waiting-approval');
    await host.event((event) => event.event === 'peer' && event.state === 'waiting');
    expect((await world.run(alice, 'approve', 'Bob')).code).toBe(0);
    await guest.synced();
  });

  it('[SE4] a refused peer gets a typed error, and nothing is left behind', async () => {
    host = world.share(alice);
    const refused = refusal(await host.invite());
    await host.event((event) => event.event === 'peer' && event.state === 'waiting');
    expect((await world.run(alice, 'approve', 'Bob', '--refuse')).code).toBe(0);
    expect(await refused).toBe('join-refused');
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('[SE4] a remembered peer is not asked about again', async () => {
    host = world.share(alice);
    const guest = world.join(bob, await host.invite());
    await host.event((event) => event.event === 'peer' && event.state === 'waiting');
    await world.run(alice, 'approve', 'Bob', '--remember');
    await guest.synced();
    await guest.stop();
    await host.stop();

    const again = world.share(alice);
    const elsewhere = { ...bob, repo: `${bob.repo}-2` };
    const back = world.join(elsewhere, await again.invite());
    await back.synced();
    expect(again.events.some((event) => event.event === 'peer' && event.state === 'waiting')).toBe(false);
  });

  it('a guest that dies while it waits disappears, and the host goes on', async () => {
    host = world.share(alice, '--approve', 'ask');
    const guest = world.join(bob, await host.invite());
    await host.event((event) => event.event === 'peer' && event.state === 'waiting');
    await guest.stop('SIGKILL');
    expect(existsSync(bob.repo)).toBe(false);
    expect((await world.run(alice, 'status', '--json')).code).toBe(0);
  });
});

describe('folders', () => {
  it('[SE10] a folder that is not empty is left alone', async () => {
    host = world.share(alice, '--approve', 'auto');
    mkdirSync(bob.repo, { recursive: true });
    writeFileSync(join(bob.repo, 'mine.txt'), 'precious');
    expect(await refusal(await host.invite())).toBe('folder-not-empty');
    expect(readdirSync(bob.repo)).toEqual(['mine.txt']);
  });

  it('[SE10] a clone of another project is not linked', async () => {
    host = world.share(alice, '--approve', 'auto');
    initRepository(bob.repo);
    commit(bob.repo, { 'other.txt': 'another project' }, 'Elsewhere');
    const before = git(bob.repo, 'for-each-ref');
    expect(await refusal(await host.invite(), '--link')).toBe('unrelated-repository');
    expect(git(bob.repo, 'for-each-ref')).toBe(before);
    expect(existsSync(join(bob.repo, '.git/peerweave/session.json'))).toBe(false);
  });

  it('[SE10] an existing clone of the same project is linked', async () => {
    host = world.share(alice, '--approve', 'auto');
    git(world.folder.path, 'clone', '--quiet', alice.repo, bob.repo);
    const ahead = commit(bob.repo, { 'b.txt': 'made before the session\n' });
    world.join(bob, await host.invite(), '--link');
    await host.ref('refs/heads/main', ahead);
  });

  it('says what is wrong with a repository that cannot be shared', async () => {
    const cases: [string[], string][] = [
      [['clone', '--quiet', '--bare', alice.repo, bob.repo], 'repository-bare'],
      [['clone', '--quiet', '--depth=1', `file://${alice.repo}`, `${bob.repo}-shallow`], 'repository-shallow'],
    ];
    commit(alice.repo, { 'more.txt': '1' });
    for (const [args, reason] of cases) {
      git(world.folder.path, ...args);
      const engine = world.share({ ...bob, repo: args.at(-1) ?? '' });
      expect(await engine.exit()).toBe(1);
      expect(engine.events).toMatchObject([{ event: 'error', reason }]);
    }
    const nowhere = world.share({ ...bob, repo: world.folder.path });
    expect(await nowhere.exit()).toBe(1);
    expect(nowhere.events).toMatchObject([{ event: 'error', reason: 'not-a-repository' }]);
  });

  it('one engine a repository: a second one is told so', async () => {
    host = world.share(alice, '--approve', 'auto');
    await host.invite();
    const second = world.share(alice);
    expect(await second.exit()).toBe(1);
    expect(second.events).toMatchObject([{ event: 'error', reason: 'engine-busy' }]);
  });
});
