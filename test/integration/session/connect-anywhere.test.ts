import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionView } from '../../../extension/src/rpc/model.ts';
import type { RunningServer } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { commit, git, revParse } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';

/** People who have nothing but a signaling server in common: the bundled command, a real server, every tier for real. */

let world: World;
let server: RunningServer;
let alice: Person;
let bob: Person;
beforeEach(async () => {
  server = await startServer();
  ({ world, alice, bob } = worldOfTwo());
});
afterEach(async () => {
  await world.end();
  await server.close({ drainMs: 0 });
});

const sessionOf = ({ repo }: Person): string => readFileSync(join(repo, '.git/peerweave/session.json'), 'utf8');

const onRoute = (engine: EngineProcess, route: string, from = 0) =>
  engine.event((event) => event.event === 'peer' && event.state === 'online' && event.route === route, { from });

interface Pair {
  readonly host: EngineProcess;
  readonly guest: EngineProcess;
}

async function meet(hostTiers: string, guestTiers = hostTiers): Promise<Pair> {
  const host = world.share(alice, '--approve', 'auto', '--signal', server.url, '--tiers', hostTiers);
  const guest = world.join(bob, await host.invite(), '--tiers', guestTiers);
  await Promise.all([guest.synced('Alice'), host.synced('Bob')]);
  return { host, guest };
}

async function commitsCross({ host, guest }: Pair): Promise<void> {
  const byAlice = commit(alice.repo, { 'a.txt': `${Math.random()}\n` });
  await guest.ref('refs/heads/main', byAlice);
  const byBob = commit(bob.repo, { 'b.txt': `${Math.random()}\n` });
  await host.ref('refs/heads/main', byBob);
}

describe('[LI1] through a signaling server alone', () => {
  for (const tier of ['webrtc', 'relay', 'json']) {
    it(`two people share by ${tier}, and see it`, async () => {
      const pair = await meet(tier);
      await commitsCross(pair);
      const { lines } = await world.run(bob, 'peers', '--json');
      expect(lines).toMatchObject([{ name: 'Alice', state: 'online', route: tier, traffic: [{ route: tier }] }]);
      await onRoute(pair.host, tier);
      for (const { repo } of [alice, bob]) git(repo, 'fsck', '--strict');
    });
  }

  it('[LI2] [LI3] whichever way answers first is used, and a better one takes over', async () => {
    const pair = await meet('webrtc,relay,json');
    await onRoute(pair.guest, 'webrtc');
    await commitsCross(pair);
  });

  it('a guest that can use one tier only meets a host that can use all', async () => {
    await commitsCross(await meet('tcp,webrtc,relay,json', 'json'));
    const { lines } = await world.run(bob, 'status', '--json');
    const { signaling, peers } = lines[0] as SessionView;
    expect(signaling).toEqual({ url: expect.stringContaining('127.0.0.1') as string, state: 'joined' });
    expect(peers[0]?.betterRoutes).toEqual([]);
  });

  it('three people form a full mesh', async () => {
    const { host, guest } = await meet('relay');
    const carol = world.person('Carol');
    const third = world.join(carol, await host.invite(), '--tiers', 'relay');
    await Promise.all([third.synced('Alice'), third.synced('Bob'), guest.synced('Carol')]);
    const made = commit(carol.repo, { 'c.txt': '1\n' });
    await Promise.all([host, guest].map((engine) => engine.ref('refs/heads/main', made)));
  });
});

describe('the server goes', () => {
  it('and peers that are linked do not notice; when it is back, others can join', async () => {
    const pair = await meet('webrtc');
    const { port } = new URL(server.url);
    await server.close({ drainMs: 0 });
    await commitsCross(pair);
    const carol = world.person('Carol');
    server = await startServer({ port: Number(port) });
    const third = world.join(carol, await pair.host.invite(), '--tiers', 'webrtc');
    await third.synced('Alice');
    expect(revParse(carol.repo, 'main')).toBe(revParse(alice.repo, 'main'));
  });

  it('[LI4] and a relayed link comes back with it, nothing lost', async () => {
    const pair = await meet('relay');
    const { port } = new URL(server.url);
    const before = pair.guest.events.length;
    await server.close({ drainMs: 0 });
    await pair.guest.event((event) => event.event === 'peer' && event.state === 'reconnecting', { from: before });
    const made = commit(alice.repo, { 'a.txt': 'while away\n' });
    server = await startServer({ port: Number(port) });
    await pair.guest.ref('refs/heads/main', made);
    expect(pair.guest.events.slice(before).some((event) => event.event === 'peer' && event.state === 'offline')).toBe(
      false,
    );
  });

  it('and who wants to join is told what is wrong', async () => {
    const host = world.share(alice, '--approve', 'auto', '--signal', server.url, '--tiers', 'relay,json');
    const invite = await host.invite();
    await server.close({ drainMs: 0 });
    const guest = world.join(bob, invite, '--tiers', 'relay,json');
    expect(await guest.exit()).not.toBe(0);
    const error = guest.events.find((event) => event.event === 'error') as { reason?: string } | undefined;
    expect([error?.reason, guest.stderr]).toEqual(['signaling-unreachable', expect.stringContaining('signaling')]);
    server = await startServer();
  });
});

describe('coming back', () => {
  it('[SE9] both restart and meet again through the room, although every address is another', async () => {
    const { host, guest } = await meet('webrtc,relay');
    for (const engine of [host, guest]) await engine.stop('SIGKILL');
    const made = commit(alice.repo, { 'a.txt': 'later\n' });
    const args = ['--tiers', 'webrtc,relay'];
    world.resume(alice, ...args);
    const back = world.resume(bob, ...args);
    await back.ref('refs/heads/main', made);
    expect(readFileSync(join(bob.repo, 'a.txt'), 'utf8')).toBe('later\n');
  });

  it('a session of direct connections gets a room when its owner sets a server, and members learn of it', async () => {
    const host = world.share(alice, '--approve', 'auto');
    const guest = world.join(bob, await host.invite());
    await guest.synced('Alice');
    await host.stop('SIGKILL');
    const again = world.resume(alice, '--signal', server.url, '--approve', 'auto');
    await again.synced('Bob');
    // What Bob is told comes beside what is synced; killed before it is on his disk, he could not know of the room.
    await expect.poll(() => sessionOf(bob), { timeout: 30_000 }).toContain(server.url);
    for (const engine of [again, guest]) await engine.stop('SIGKILL');
    const made = commit(alice.repo, { 'a.txt': 'by the room\n' });
    world.resume(alice, '--tiers', 'relay');
    const back = world.resume(bob, '--tiers', 'relay');
    await back.ref('refs/heads/main', made);
  });
});
