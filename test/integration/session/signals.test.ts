import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeInvite, encodeInvite } from '../../../extension/src/p2p/session/invite.ts';
import type { SessionView } from '../../../extension/src/rpc/model.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { runCli } from '../../support/engine-process.ts';
import { commit, git } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

let world: World;
let alice: Person;
let bob: Person;
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(() => world.end());

const inPhase = (engine: EngineProcess, phase: string) =>
  engine.event((event) => event.event === 'session' && event.phase === phase);
const waiting = (engine: EngineProcess) => engine.event((event) => event.event === 'peer' && event.state === 'waiting');
const error = (engine: EngineProcess) => engine.events.find((event) => event.event === 'error');
/** What an engine may leave in a repository that it is done with. */
const left = (person: Person): string[] =>
  readdirSync(join(person.repo, '.git/peerweave')).filter((name) => name.startsWith('engine'));
/** A history that takes a while to arrive. */
const grow = (): void => {
  for (let n = 0; n < 12; n++) commit(alice.repo, { [`blob-${n}`]: randomBytes(3_000_000) });
};

describe('a signal at any moment ends a command with 0 and leaves nothing wrong', () => {
  it('while the invite is still to be typed', async () => {
    const cli = resolve(import.meta.dirname, '../../../dist/cli.mjs');
    const child = spawn(process.execPath, [cli, 'join', bob.repo], {
      env: { ...process.env, PEERWEAVE_HOME: bob.home, PEERWEAVE_LOG: '1' },
    });
    const exited = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('while nobody answers at the host’s address', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const port = (silent.address() as { port: number }).port;
    const connected = once(silent, 'connection');
    const host = world.share(alice);
    const addresses = [{ tier: 'tcp' as const, value: `127.0.0.1:${port}` }];
    const guest = world.join(bob, encodeInvite({ ...decodeInvite(await host.invite()), addresses }));
    await connected;
    expect(await guest.stop()).toBe(0);
    expect(existsSync(bob.repo)).toBe(false);
    silent.close();
  });

  it('while a guest waits for approval: the host hears that it is gone', async () => {
    const host = world.share(alice);
    const guest = world.join(bob, await host.invite());
    await waiting(host);
    expect(await guest.stop()).toBe(0);
    expect(existsSync(bob.repo)).toBe(false);
    for (;;) {
      const [status] = (await world.run(alice, 'status', '--json')).lines as SessionView[];
      if (status?.approvals.length === 0) break;
    }
  });

  it('while history arrives: nothing is left of a folder that nobody has worked in', async () => {
    grow();
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await inPhase(guest, 'history');
    expect(await guest.stop()).toBe(0);
    expect(existsSync(bob.repo)).toBe(false);
    expect(await host.stop()).toBe(0);
    expect(left(alice)).toEqual([]);
  });

  it('while the session runs: it is left, and so it is after a resume', async () => {
    const host = world.share(alice, '--approve', 'auto');
    const invite = await host.invite();
    await host.stop('SIGKILL');
    const again = world.resume(alice);
    await inPhase(again, 'live');
    expect(await again.stop()).toBe(0);
    expect(readdirSync(join(alice.repo, '.git/peerweave')).filter((name) => name.endsWith('.json'))).toEqual([]);
    expect(left(alice)).toEqual([]);
    expect(await world.join(bob, invite).exit()).toBe(1);
  });

  it('while a resumed guest waits for somebody to be there: it stays resumable', async () => {
    grow();
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await inPhase(guest, 'history');
    await guest.stop('SIGKILL');
    await host.stop('SIGKILL');
    const back = world.resume(bob);
    await inPhase(back, 'history');
    expect((await world.run(bob, 'status', '--json')).lines).toMatchObject([{ phase: 'history' }]);
    expect(await back.stop()).toBe(0);
    expect(existsSync(join(bob.repo, '.git/peerweave/session.json'))).toBe(true);
    expect(left(bob)).toEqual([]);
  });
});

describe('who leaves while others are busy', () => {
  it('a host: a guest that waits is told so at once', async () => {
    const host = world.share(alice);
    const guest = world.join(bob, await host.invite());
    await waiting(host);
    expect(await host.stop()).toBe(0);
    expect(await guest.exit()).toBe(1);
    expect(error(guest)).toMatchObject({ reason: 'peer-left' });
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('a host that is killed and comes back: a guest that waited is told to ask again, and may', async () => {
    const host = world.share(alice);
    const invite = await host.invite();
    const guest = world.join(bob, invite);
    await waiting(host);
    await host.stop('SIGKILL');
    const back = world.resume(alice);
    expect(await guest.exit()).toBe(1);
    expect(error(guest)).toMatchObject({ reason: 'link-lost' });
    expect(existsSync(bob.repo)).toBe(false);
    const again = world.join(bob, invite);
    await waiting(back);
    expect((await world.run(alice, 'approve', 'Bob')).code).toBe(0);
    await again.synced();
  });

  it('a host: a guest that clones fails with a reason, and no git goes on', async () => {
    grow();
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await inPhase(guest, 'cloning');
    expect(await host.stop()).toBe(0);
    const code = await guest.exit();
    if (code === 1) expect(['peer-left', 'link-lost']).toContain((error(guest) as { reason: string }).reason);
    git(alice.repo, 'fsck', '--strict');
  });

  it('`peerweave leave` reaches a guest whose history still arrives', async () => {
    grow();
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await inPhase(guest, 'history');
    const leaving = await world.run(bob, 'leave');
    expect([leaving.code, leaving.stderr]).toEqual([0, '']);
    expect(await guest.exit()).toBe(0);
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('`peerweave leave` twice at once: the session is left once, in order', async () => {
    const host = world.share(alice, '--approve', 'auto');
    await host.invite();
    const leaving = await Promise.all([1, 2, 3].map(() => world.run(alice, 'leave')));
    expect(leaving.map(({ code }) => code)).toContain(0);
    for (const { stderr } of leaving) expect(stderr).toMatch(/^(peerweave: .*\n)?$/);
    expect(await host.exit()).toBe(0);
    expect(host.stderr).toBe('');
    expect(left(alice)).toEqual([]);
    expect(existsSync(join(alice.repo, '.git/peerweave/session.json'))).toBe(false);
  });
});

describe('things in the way', () => {
  it('an engine that hangs up in the middle of an answer is an error in one line', async () => {
    const socket = join(world.folder.path, 'socket');
    const server = createServer((each) => void each.once('data', () => each.destroy())).listen(socket);
    await once(server, 'listening');
    mkdirSync(join(alice.repo, '.git/peerweave'), { recursive: true });
    writeFileSync(
      join(alice.repo, '.git/peerweave/engine.json'),
      JSON.stringify({ v: 1, pid: process.pid, socket, repo: alice.repo }),
    );
    const { code, stderr } = await world.run(alice, 'status');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^peerweave: .+\n$/);
    server.close();
  });

  it('a session that cannot be saved goes on, and says so once', async () => {
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await guest.synced();
    const file = join(bob.repo, '.git/peerweave/session.json');
    // In its place, between two saves of the engine.
    while (!existsSync(join(file, 'in-the-way'))) {
      try {
        rmSync(file, { force: true });
        mkdirSync(join(file, 'in-the-way'), { recursive: true });
      } catch (failure) {
        if ((failure as NodeJS.ErrnoException).code !== 'ENOTDIR') throw failure;
      }
    }
    const from = guest.events.length;
    for (const name of ['one', 'two']) {
      const made = commit(alice.repo, { [name]: '1\n' });
      await guest.ref('refs/heads/main', made, { from });
    }
    const errors = guest.events.filter((event) => event.event === 'error');
    expect(errors).toMatchObject([{ message: expect.stringMatching(/^Cannot save the session/) as string }]);
  });

  it('a home that cannot be written is named in one line', async () => {
    writeFileSync(join(world.folder.path, 'file'), '');
    const home = join(world.folder.path, 'file', 'home');
    const { code, stderr } = await runCli(['share', '--repo', alice.repo], { home });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^peerweave: .*PEERWEAVE_HOME.*\n$/);
  });

  it('a damaged session.json is no session, and no obstacle', async () => {
    mkdirSync(join(alice.repo, '.git/peerweave'), { recursive: true });
    writeFileSync(join(alice.repo, '.git/peerweave/session.json'), '{"v":2}');
    const resumed = world.resume(alice);
    expect(await resumed.exit()).toBe(1);
    expect(error(resumed)).toMatchObject({ reason: 'no-session' });
    const host = world.share(alice, '--approve', 'auto');
    await host.invite();
    expect(JSON.parse(readFileSync(join(alice.repo, '.git/peerweave/session.json'), 'utf8'))).toMatchObject({ v: 1 });
  });

  it.each([
    ['--name', 'x'.repeat(65)],
    ['--name', ' '],
    ['--listen', '127.0.0.1'],
    ['--listen', '192.0.2.1:1'],
  ])('a setting that cannot work is told before anything begins: %s %j', async (...flags) => {
    const engine = world.share(alice, ...flags);
    expect(await engine.exit()).toBe(1);
    expect(error(engine)).toMatchObject({ reason: flags[1] === '192.0.2.1:1' ? 'unreachable' : 'bad-request' });
    const host = world.share(alice);
    const guest = world.join(bob, await host.invite(), ...flags);
    expect(await guest.exit()).toBe(1);
    expect(existsSync(bob.repo)).toBe(false);
    expect(host.events.some((event) => event.event === 'peer')).toBe(false);
  });

  it('a clone that another engine has is not linked, and nobody is asked', async () => {
    const host = world.share(alice);
    git(world.folder.path, 'clone', '--quiet', alice.repo, bob.repo);
    const other = world.share(bob);
    await other.invite();
    const guest = world.join(bob, await host.invite(), '--link');
    expect(await guest.exit()).toBe(1);
    expect(error(guest)).toMatchObject({ reason: 'engine-busy' });
    expect(host.events.some((event) => event.event === 'peer')).toBe(false);
  });
});
