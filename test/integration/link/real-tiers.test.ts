import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import type { SignalingClient } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import { jsonTransport } from '../../../extension/src/p2p/transport/json.ts';
import { relayTransport } from '../../../extension/src/p2p/transport/relay.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { webrtcTransport } from '../../../extension/src/p2p/transport/webrtc.ts';
import type { Tier, Transport } from '../../../extension/src/p2p/transport/transport.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { drink } from '../../support/read-all.ts';
import { settled } from '../../support/room-tier.ts';
import { onLoopback, onRoute, RouteLab, type Traveller } from '../../support/route-lab.ts';
import { SignalingLab } from '../../support/signaling-lab.ts';

/** A real server, real sockets, real WebRTC: every tier as it is used, at once. */

const TIERS = ['tcp', 'webrtc', 'relay', 'json'] as const;
const KB = 1_000;
/** Sent each way at least. */
const LEAST_KB = 20_000;

let room: SignalingLab;
let lab: RouteLab;
beforeEach(async () => {
  room = await SignalingLab.start();
  const members = new Map<PeerId, SignalingClient>();
  lab = new RouteLab((tier, { peer }) => {
    const signaling = members.get(peer) ?? room.member({ peer }).signaling;
    members.set(peer, signaling);
    return transportOf(tier, signaling);
  });
});
afterEach(async () => {
  lab.dispose();
  await room.dispose();
});

function transportOf(tier: Exclude<Tier, 'memory'>, signaling: SignalingClient): Transport {
  switch (tier) {
    case 'tcp':
      return onLoopback(tcpTransport);
    case 'webrtc':
      return settled(webrtcTransport(signaling, { log: silentLogger }), signaling);
    case 'relay':
      return settled(relayTransport({ signaling }), signaling);
    case 'json':
      return settled(jsonTransport({ signaling }), signaling);
  }
}

describe('a transfer over every tier there is', () => {
  it('[LI2] [LI3] goes on by whatever works, up and down, every byte once', async () => {
    const [a, b] = [await lab.person(TIERS), await lab.person(TIERS)];
    for (const tier of TIERS.slice(0, 3)) a.tier(tier).dialing = false;
    const [atA, atB] = await lab.link(a, b);
    expect(atA.route).toBe('json');
    const closed: string[] = [];
    for (const link of [atA, atB]) link.onClosed(({ message }) => closed.push(message));
    const journey = new AbortController();
    const served = serve(atB, journey.signal);
    const stream = await atA.exec('both ways');
    const transfer = Promise.all([pour(stream, journey.signal), drink(stream)]);
    for (const tier of ['relay', 'webrtc', 'tcp', 'webrtc', 'relay', 'json', 'tcp'] as const) {
      await afterSome(atA);
      allowUpTo(a, tier);
      await Promise.all([onRoute(atA, tier), onRoute(atB, tier)]);
    }
    journey.abort();
    const [sentUp, gotDown] = await transfer;
    const [sentDown, gotUp] = await served;
    expect([gotUp, gotDown]).toEqual([sentUp, sentDown]);
    expect(closed).toEqual([]);
    expect([...atA.traffic.keys()].sort()).toEqual(['json', 'relay', 'tcp', 'webrtc']);
    expect(atA.moves).toBeGreaterThanOrEqual(7);
    // Nothing is left of what was tried on the way.
    for (const person of [a, b]) {
      while (TIERS.some((tier) => person.tier(tier).pipes.size !== (tier === 'tcp' ? 1 : 0))) await turn();
    }
  });

  it('[LI4] outlives the server and the direct path, one after the other', async () => {
    const [a, b] = [await lab.person(TIERS), await lab.person(TIERS)];
    const [atA, atB] = await lab.link(
      a,
      b,
      b.addresses.filter(({ tier }) => tier !== 'tcp'),
    );
    await Promise.all([onRoute(atA, 'webrtc'), onRoute(atB, 'webrtc')]);
    const journey = new AbortController();
    const served = serve(atB, journey.signal);
    const stream = await atA.exec('both ways');
    const transfer = Promise.all([pour(stream, journey.signal), drink(stream)]);
    await afterSome(atA);
    await room.server.close({ drainMs: 0 });
    await afterSome(atA);
    expect(atA.route).toBe('webrtc');
    atA.updateAddresses(b.addresses);
    await onRoute(atA, 'tcp');
    a.tier('tcp').cut();
    await afterSome(atA);
    journey.abort();
    const [sentUp, gotDown] = await transfer;
    expect([(await served)[1], gotDown]).toEqual([sentUp, (await served)[0]]);
  });
});

/** From now on only `tier` and worse ones work, and the present pipes of better ones break. */
function allowUpTo(person: Traveller, tier: Tier): void {
  const best = TIERS.indexOf(tier as (typeof TIERS)[number]);
  TIERS.forEach((each, worth) => {
    if (worth >= best) person.tier(each).dialing = true;
    else person.tier(each).forbid();
  });
}

/** Resolves when the transfer has gone on noticeably. */
async function afterSome(link: Link): Promise<void> {
  const enough = link.bytesSent + link.bytesReceived + 2_000 * KB;
  while (link.bytesSent + link.bytesReceived < enough) await turn();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends and receives on the next `exec` of the other side; resolves to what was sent and what came. */
function serve(link: Link, until: AbortSignal): Promise<[string, string]> {
  return new Promise((resolve) =>
    link.onExec((_, stream) => {
      resolve(Promise.all([pour(stream, until), drink(stream)]));
      return true;
    }),
  );
}

/** Writes known content until it is told to end, however fast the machine is; resolves to its SHA-256. */
async function pour(stream: Duplex, until: AbortSignal): Promise<string> {
  const sum = createHash('sha256');
  for (let index = 0; index < LEAST_KB || !until.aborted; index += 100) {
    const piece = Buffer.alloc(100 * KB, `${index} `);
    sum.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return sum.digest('hex');
}
