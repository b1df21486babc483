import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import { decodeInvite } from '../../../extension/src/p2p/session/invite.ts';
import { SignalingClient } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import { relayTransport } from '../../../extension/src/p2p/transport/relay.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { relayDeeds } from '../../support/evil-deeds.ts';
import { EvilServer, type Evil } from '../../support/evil-server.ts';
import { commit, git, initRepository } from '../../support/git.ts';
import { leaksOf } from '../../support/leaks.ts';
import { World, type Person } from '../../support/people.ts';
import { seesPeers } from '../../support/signaling-lab.ts';

/** The bundled command of two people, whose signaling server is an adversary's. */

let world: World;
let server: EvilServer;
let alice: Person;
let bob: Person;
beforeEach(async () => {
  world = new World();
  server = await EvilServer.start();
});
afterEach(async () => {
  await world.end();
  await server.dispose();
});

const share = (tiers: string): EngineProcess =>
  world.share(alice, '--approve', 'auto', '--signal', server.url, '--tiers', tiers);

/** Shares, and has joined the room, which may be later than there is an invite. */
async function shareInRoom(tiers: string): Promise<{ host: EngineProcess; invite: string }> {
  const host = share(tiers);
  const invite = await host.invite();
  while (server.said('joined').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return { host, invite };
}

/** Why a guest’s engine ended. */
async function refusal(guest: EngineProcess): Promise<string | undefined> {
  expect(await guest.exit()).not.toBe(0);
  const error = guest.events.find((event) => event.event === 'error');
  return error?.event === 'error' ? error.reason : undefined;
}

describe('[SE2] an adversary that writes everything down', () => {
  it.each(['relay', 'json', 'webrtc'])('reads nothing of a session by %s, in any encoding', async (tier) => {
    const marker = (about: string): string => `Mark-${about}-41d9e7`;
    const person = (name: string): Person => ({
      ...world.person(name),
      name: marker(name),
      repo: join(world.folder.path, marker('repository')),
    });
    alice = person('host');
    bob = { ...person('guest'), repo: join(world.folder.path, 'clone', marker('repository')) };
    initRepository(alice.repo);
    const contents = `${marker('contents')}\n`.repeat(5_000);
    commit(alice.repo, { [`${marker('folder')}/${marker('file')}.txt`]: contents }, marker('message'));
    git(alice.repo, 'branch', marker('branch'));
    git(alice.repo, 'tag', '-a', '-m', marker('annotation'), marker('tag'));

    // The host can be reached by TCP too, and says so to members.
    const host = share(`tcp,${tier}`);
    const invite = await host.invite();
    const guest = world.join(bob, invite, '--tiers', tier);
    await Promise.all([guest.synced(alice.name), host.synced(bob.name)]);
    const byBob = commit(bob.repo, { [marker('answer')]: marker('answered') }, marker('reply'));
    await host.ref('refs/heads/main', byBob);
    git(alice.repo, 'update-ref', `refs/heads/${marker('later')}`, byBob);
    await guest.ref(`refs/heads/${marker('later')}`, byBob);

    const { log } = server;
    expect(log.length).toBeGreaterThan(10);
    const { meeting, secret, session, host: fingerprint, addresses } = decodeInvite(invite);
    expect(addresses.length).toBeGreaterThan(0);
    const abouts =
      'host guest repository contents folder file message branch annotation tag answer answered reply later';
    const hidden = [
      ...abouts.split(' ').map(marker),
      ...addresses.map(({ value }) => value),
      ...[meeting!.secret, secret].flatMap((bytes) => [
        Buffer.from(bytes).toString('hex'),
        Buffer.from(bytes).toString('base64url').slice(0, 20),
      ]),
      session,
      fingerprint.slice('SHA256:'.length),
      byBob,
      'ada@example.org',
      'refs/heads/',
      'git-upload-pack',
      'SSH-2.0-',
      'candidate:',
      'a=fingerprint',
      'peerweave/0.',
      'identity',
    ];
    for (const text of hidden) expect([text, leaksOf(text, log)]).toEqual([text, []]);
    for (const bytes of [meeting!.secret, secret, Buffer.from(byBob, 'hex'), Buffer.from(session, 'hex')]) {
      expect(log.some((record) => record.includes(Buffer.from(bytes)))).toBe(false);
    }
  });
});

describe('an adversary that tampers', () => {
  beforeEach(() => {
    alice = world.owner('Alice');
    bob = world.person('Bob');
  });

  const big = (): void => {
    const lines = Array.from({ length: 60_000 }, (_, index) => `${index} ${Math.random().toString(36)}`);
    commit(alice.repo, { 'big.txt': lines.join('\n') });
  };

  /** Each so many frames. */
  const sometimes = (every: number, evil: Evil): Evil => {
    let count = 0;
    return (passing, context) => {
      if (passing.relayed === undefined || passing.up) return undefined;
      count += 1;
      return count % every === 0 ? evil(passing, context) : undefined;
    };
  };

  it('[LI4] with a frame now and then does not keep a clone from being whole', async () => {
    big();
    const { host, invite } = await shareInRoom('relay');
    server.evil = sometimes(60, relayDeeds['flips a bit of each']());
    const guest = world.join(bob, invite, '--tiers', 'relay');
    await Promise.all([guest.synced('Alice'), host.synced('Bob')]);
    expect(server.deeds).toBeGreaterThan(0);
    git(bob.repo, 'fsck', '--strict');
    expect(readFileSync(join(bob.repo, 'big.txt'))).toEqual(readFileSync(join(alice.repo, 'big.txt')));
    server.evil = undefined;
    await host.ref('refs/heads/main', commit(bob.repo, { 'b.txt': 'b\n' }));
  });

  it('with every binary frame leaves people the way by text', async () => {
    server.evil = (passing, context) =>
      passing.binary ? relayDeeds['flips a bit of each']()(passing, context) : undefined;
    const host = share('relay,json');
    const guest = world.join(bob, await host.invite(), '--tiers', 'relay,json');
    await Promise.all([guest.synced('Alice'), host.synced('Bob')]);
    const { lines } = await world.run(bob, 'peers', '--json');
    expect(lines).toMatchObject([{ name: 'Alice', route: 'json' }]);
    expect(server.deeds).toBeGreaterThan(0);
  });

  it.each([
    ['unauthorised', 'signaling-refused'],
    ['version', 'signaling-refused'],
    ['room-full', 'room-full'],
    ['rate-limited', 'rate-limited'],
    ['server-full', 'signaling-unreachable'],
  ] as const)(
    'and refuses a guest (%s): is told apart (%s), and the host does not notice',
    async (reason, expected) => {
      const { host, invite } = await shareInRoom('relay');
      const before = host.events.length;
      server.evil = ({ up, said }) =>
        !up && said?.type === 'joined' ? [{ type: 'error', reason, message: 'Mark-said', fatal: true }] : undefined;
      const guest = world.join(bob, invite, '--tiers', 'relay');
      expect(await refusal(guest)).toBe(expected);
      expect(guest.stderr + JSON.stringify(guest.events)).not.toContain('Mark-said');
      expect(existsSync(join(bob.repo, '.git'))).toBe(false);
      expect(host.events.slice(before).filter(({ event }) => event === 'error')).toEqual([]);
      server.evil = undefined;
      const again = world.join(bob, invite, '--tiers', 'relay');
      await again.synced('Alice');
    },
  );
});

describe('an adversary that has seen an invite', () => {
  const hosts: LinkHost[] = [];
  const rooms: SignalingClient[] = [];
  beforeEach(() => {
    alice = world.owner('Alice');
    bob = world.person('Bob');
  });
  afterEach(() => {
    for (const each of [...hosts.splice(0), ...rooms.splice(0)]) each.dispose();
  });

  /** Somebody with a key of its own who calls itself in the room as `peer` is called; resolves to what it caught. */
  async function impostor(
    invite: string,
    peer: PeerId,
    tcp: boolean,
  ): Promise<{ caught: () => number; dials: () => number }> {
    const { secret } = decodeInvite(invite).meeting!;
    const room = new SignalingClient({ urls: [server.url], secret, peer, log: silentLogger });
    rooms.push(room);
    await seesPeers(room, 1);
    const transport = tcp ? tcpTransport : relayTransport({ signaling: room });
    let [caught, dials] = [0, 0];
    const host = new LinkHost({
      identity: createIdentity(),
      transports: [
        {
          tier: transport.tier,
          dial: (address, options) => transport.dial(address, options),
          listen: (options) =>
            transport.listen({
              ...options,
              onPipe: (pipe) => {
                dials += 1;
                options.onPipe(pipe);
              },
            }),
        },
      ],
      software: 'test/1',
      log: silentLogger,
    });
    hosts.push(host);
    host.onLink(() => (caught += 1));
    const { addresses } = await host.listen({ host: '127.0.0.1' });
    if (tcp) room.announce([...addresses]);
    return { caught: () => caught, dials: () => dials };
  }

  it('[SE3] and answers in the host’s place is refused for its key; the guest’s folder stays empty', async () => {
    const { invite } = await shareInRoom('relay');
    const { host: peer } = decodeInvite(invite);
    const mallory = await impostor(invite, peer, false);
    // Guests see only the newest of that name.
    server.evil = ({ up, said }) => {
      if (up || said?.type !== 'joined') return undefined;
      return [{ ...said, peers: said.peers.slice(-1) }];
    };
    const guest = world.join(bob, invite, '--tiers', 'relay');
    expect(await refusal(guest)).toBe('host-key-mismatch');
    expect(mallory.dials()).toBeGreaterThan(0);
    expect(mallory.caught()).toBe(0);
    expect(existsSync(join(bob.repo, '.git'))).toBe(false);
  });

  it('[SE3] and says that the host is somewhere else gets no link, and the session goes on', async () => {
    const { host, invite } = await shareInRoom('relay');
    const guest = world.join(bob, invite, '--tiers', 'tcp,relay');
    await guest.synced('Alice');
    const mallory = await impostor(invite, decodeInvite(invite).host, true);
    while (mallory.dials() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await guest.ref('refs/heads/main', commit(alice.repo, { 'a.txt': 'a\n' }));
    await host.ref('refs/heads/main', commit(bob.repo, { 'b.txt': 'b\n' }));
    expect(mallory.caught()).toBe(0);
    const { lines } = await world.run(bob, 'peers', '--json');
    expect(lines).toMatchObject([{ name: 'Alice', state: 'online', route: 'relay' }]);
  });
});
