import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { deriveRoomKeys } from '../../../extension/src/p2p/signaling/room-keys.ts';
import { BodyOpener, sealBody } from '../../../extension/src/p2p/signaling/sealed-body.ts';
import type { SignalMessage } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { SignalingClient } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import { messageOf } from '../../../extension/src/shared/errors.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { carries, echoes, EvilCourt, reasonsIn, type RoomTier } from '../../support/evil-court.ts';
import type { Evil } from '../../support/evil-server.ts';
import { leaksOf } from '../../support/leaks.ts';
import type { Person } from '../../support/link-lab.ts';
import { seesPeers } from '../../support/signaling-lab.ts';

/**
 * The adversary has the room's secret as well: somebody forwarded an invite. It can say what members say and call itself as they are called. What
 * it cannot do is to prove their keys (SE3, LI1).
 */

let court: EvilCourt;
let ann: Person;
let bob: Person;
const hosts: LinkHost[] = [];
const streams: Duplex[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) host.dispose();
  for (const stream of streams.splice(0)) stream.destroy();
  await court.dispose();
});

async function open(tier: RoomTier): Promise<void> {
  court = await EvilCourt.open(tier);
  [ann, bob] = (await court.people(2)) as [Person, Person];
}

/** Tells the one that the other has gone, so that only whoever calls itself the same is left. */
function hide(other: SignalingClient, from: SignalingClient): void {
  const victim = court.server.members.find(({ self }) => self?.peer === from.self.peer);
  victim?.tell({ type: 'peer-left', peer: other.self.peer });
}

const dialBob = (): Promise<Link> => ann.host.dial({ peer: bob.identity.peer, addresses: bob.addresses });

describe.each<RoomTier>(['relay', 'json', 'webrtc'])('somebody who calls itself Bob: by %s', (tier) => {
  beforeEach(() => open(tier));

  it('[SE3] and has a key of its own is refused for that, and gets to know nothing', async () => {
    const room = court.impostor(bob.identity.peer);
    const identity = createIdentity();
    const transport = court.transport(room);
    const mallory = new LinkHost({ identity, transports: [transport], software: 'test/1', log: silentLogger });
    hosts.push(mallory);
    const caught: Link[] = [];
    mallory.onLink((link) => caught.push(link));
    await mallory.listen();
    await seesPeers(court.roomOf(ann), 2);
    hide(court.roomOf(bob), court.roomOf(ann));
    const error: unknown = await dialBob().catch((thrown: unknown) => thrown);
    expect(reasonsIn(error)[0]).toBe('host-key-mismatch');
    expect(caught).toEqual([]);
  });

  it('[LI1] and passes everything on sees nothing of what is said, and what it changes never arrives', async () => {
    const marker = 'Marker-between-5be1';
    const seen: Buffer[] = [];
    let flips = 0;
    // A room for each side of it: as Bob to Ann, and as somebody to Bob.
    const [toAnn, toBob] = [court.impostor(bob.identity.peer), court.impostor(createIdentity().peer)];
    const dialer = court.transport(toBob);
    const pass = (from: Duplex, to: Duplex): void => {
      streams.push(from);
      from.on('data', (data: Buffer) => {
        seen.push(Buffer.from(data));
        const copy = Buffer.from(data);
        if (flips > 0 && copy.length > 100) {
          flips -= 1;
          copy[copy.length - 30]! ^= 4;
        }
        if (!to.destroyed) to.write(copy);
      });
      from.once('close', () => to.destroy());
      from.resume();
    };
    await seesPeers(toBob, 3);
    // Itself, as Ann is to see it.
    hide(toAnn, toBob);
    await court.transport(toAnn).listen({
      onPipe: ({ stream: near }) => {
        near.pause();
        dialer.dial(bob.addresses[0]!).then(
          ({ stream: far }) => {
            pass(near, far);
            pass(far, near);
          },
          () => near.destroy(),
        );
      },
    });
    await seesPeers(court.roomOf(ann), 3);
    bob.host.onLink((link) => {
      link.admit();
      echoes(link);
    });
    hide(court.roomOf(bob), court.roomOf(ann));
    const link = await dialBob();
    link.admit();
    expect(link.peer).toBe(bob.identity.peer);
    await link.control.request('ping', {});
    await carries(link, Buffer.from(marker.repeat(5_000)));
    expect(seen.length).toBeGreaterThan(10);
    expect(leaksOf(marker, [Buffer.concat(seen)])).toEqual([]);

    flips = 1;
    const outcome = await carries(link, Buffer.from(marker.repeat(5_000))).catch((error: unknown) => error);
    expect(flips).toBe(0);
    // Wrong bytes would have failed the comparison, which is no PeerweaveError nor a stream's.
    expect(outcome === undefined ? undefined : messageOf(outcome)).not.toContain('to be true');
  });
});

describe('a server that has the secret', () => {
  /** Reads and rewrites what members say to each other. */
  function rewrites(change: (message: SignalMessage) => SignalMessage): Evil {
    const keys = deriveRoomKeys(court.secret);
    const openers = new Map<string, BodyOpener>();
    return ({ up, said, victim }, { members }) => {
      if (!up || said?.type !== 'signal' || !('to' in said)) return undefined;
      const to = members.find(({ self }) => self?.peer === said.to)?.self;
      if (to === undefined || victim.self === undefined) return undefined;
      const envelope = { room: keys.room, from: victim.self, to };
      const opener = openers.get(to.peer) ?? new BodyOpener(keys.bodyKey);
      openers.set(to.peer, opener);
      const opened = opener.open(envelope, said.body);
      if ('fault' in opened) throw new Error(`the adversary does not understand: ${opened.fault}`);
      const changed = change(opened.message);
      if (changed === opened.message) return undefined;
      const sequence = Number(Buffer.from(said.body, 'base64url').readBigUInt64BE(1));
      return [{ ...said, body: sealBody(keys.bodyKey, envelope, sequence, changed)! }];
    };
  }

  const swapFingerprint = (sdp: string): string =>
    sdp.replace(/(a=fingerprint:sha-256 )(\S+)/gi, (_, name: string, value: string) => {
      return name + value.split(':').reverse().join(':');
    });

  it('and swaps the fingerprints in what WebRTC says keeps the two apart, and is not in between', async () => {
    await open('webrtc');
    court.server.evil = rewrites((message) =>
      message.kind === 'offer' || message.kind === 'answer'
        ? { ...message, sdp: swapFingerprint(message.sdp) }
        : message,
    );
    const error: unknown = await dialBob().catch((thrown: unknown) => thrown);
    expect(court.server.deeds).toBeGreaterThan(0);
    expect(reasonsIn(error)[0]).toBe('unreachable');
    court.server.evil = undefined;
    const arriving = new Promise<Link>((resolve) => bob.host.onLink(resolve));
    const link = await dialBob();
    echoes(await arriving);
    (await arriving).admit();
    link.admit();
    await carries(link);
  });

  it('and says that a meeting is for another tier does not get bytes of the one into the other', async () => {
    await open('relay');
    court.server.evil = rewrites((message) => (message.kind === 'meet' ? { ...message, tier: 'json' } : message));
    const error: unknown = await dialBob().catch((thrown: unknown) => thrown);
    expect(reasonsIn(error)[0]).toBe('unreachable');
    expect(court.server.deeds).toBeGreaterThan(0);
  });
});

describe.each<RoomTier>(['relay', 'json', 'webrtc'])('[SE2] a server that writes everything down: by %s', (tier) => {
  it('can read neither addresses, candidates, keys, names nor what is said', async () => {
    await open(tier);
    const [toAnn, toBob] = [court.roomOf(ann), court.roomOf(bob)];
    const marker = (about: string): string => `Marker-${about}-93c7d0`;
    const planted: string[] = [];
    const plant = (about: string): string => {
      planted.push(marker(about));
      return marker(about);
    };

    toBob.announce([{ tier: 'tcp', value: `${plant('address')}.example.org:4711` }]);
    const attempt = 'A'.repeat(22);
    toAnn.send(toBob.self, {
      kind: 'candidate',
      attempt,
      candidate: `candidate:1 1 UDP 1 ${plant('candidate')}`,
      mid: '0',
    });
    toAnn.send(toBob.self, { kind: 'offer', attempt, sdp: `v=0\r\ns=${plant('description')}\r\n` });
    toAnn.send(toBob.self, { kind: 'refuse', attempt, message: plant('refusal') });

    const [near, far] = await court.link(ann, bob);
    echoes(far);
    echoes(near);
    await carries(near, Buffer.from(plant('contents').repeat(10_000)));
    const stream = await near.exec(plant('command'));
    stream.end();
    await once(stream.resume(), 'end');
    const here = { peer: ann.identity.peer, addresses: [{ tier: 'tcp' as const, value: plant('presence') }] };
    near.control.notify('presence', { members: [here] });
    await carries(far, Buffer.from(plant('answer').repeat(1_000)));

    const { log } = court.server;
    // What it does see: the room, and random names.
    expect(leaksOf(deriveRoomKeys(court.secret).room, log)).not.toEqual([]);
    expect(leaksOf(toAnn.self.tag, log)).not.toEqual([]);
    const keys = [near, far].flatMap(({ publicKey, peer }) => [
      Buffer.from(publicKey).toString('base64').slice(-60),
      Buffer.from(publicKey).subarray(-40).toString('latin1'),
      peer.slice('SHA256:'.length),
    ]);
    const protocols = [
      'SSH-2.0-',
      'a=fingerprint',
      'candidate:',
      'ice-ufrag',
      'webrtc-datachannel',
      'diffie-hellman',
      'ecdsa-sha2',
    ];
    const secrets = [
      Buffer.from(court.secret).toString('hex'),
      Buffer.from(court.secret).toString('base64').slice(0, 20),
    ];
    const addresses = ['address', 'jsonrpc', 'test/1.'];
    for (const hidden of [...planted, ...keys, ...protocols, ...secrets, ...addresses]) {
      expect([hidden, leaksOf(hidden, log)]).toEqual([hidden, []]);
    }
    expect(log.some((record) => record.includes(Buffer.from(near.publicKey).subarray(-40)))).toBe(false);
    expect(log.some((record) => record.includes(Buffer.from(court.secret)))).toBe(false);
  });
});
