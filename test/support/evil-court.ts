import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { Identity } from '../../extension/src/p2p/link/identity.ts';
import type { Link } from '../../extension/src/p2p/link/link.ts';
import type { LinkTimings } from '../../extension/src/p2p/link/link-timings.ts';
import { SignalingClient } from '../../extension/src/p2p/signaling/signaling-client.ts';
import { jsonTransport } from '../../extension/src/p2p/transport/json.ts';
import { relayTransport } from '../../extension/src/p2p/transport/relay.ts';
import type { Transport } from '../../extension/src/p2p/transport/transport.ts';
import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { PeerweaveError, type Reason } from '../../extension/src/shared/errors.ts';
import { createLogger } from '../../extension/src/shared/log.ts';
import { EvilServer } from './evil-server.ts';
import { closed, LinkLab, next, type Person } from './link-lab.ts';
import { seesPeers } from './signaling-lab.ts';

export type RoomTier = 'relay' | 'json' | 'webrtc';

/** Long for anything on this machine, short for a test in which nothing comes. */
const TIMINGS: Partial<LinkTimings> = { dial: 3_000, firstRetry: 20, lastRetry: 200, reconnectWindow: 15_000 };
const PROBE_MS = 1_000;

/** People whose only way to each other is an evil server's room, on one tier. */
export class EvilCourt {
  readonly server: EvilServer;
  readonly secret: Uint8Array = new Uint8Array(randomBytes(16));
  readonly log: string[] = [];
  private readonly tier: RoomTier;
  private readonly lab: LinkLab;
  private readonly rooms = new Map<Identity, SignalingClient>();

  static async open(tier: RoomTier): Promise<EvilCourt> {
    return new EvilCourt(tier, await EvilServer.start());
  }

  private constructor(tier: RoomTier, server: EvilServer) {
    this.tier = tier;
    this.server = server;
    this.lab = new LinkLab((identity) => this.enter(identity));
  }

  /** Somebody who has joined the room and listens. */
  async person(timings: Partial<LinkTimings> = {}): Promise<Person> {
    return this.lab.person({ timings: { ...TIMINGS, ...timings } });
  }

  /** So many, who have heard of each other. */
  async people(count: number): Promise<Person[]> {
    const people: Person[] = [];
    for (let i = 0; i < count; i++) people.push(await this.person());
    await Promise.all(people.map((person) => seesPeers(this.roomOf(person), count - 1)));
    return people;
  }

  roomOf({ identity }: Person): SignalingClient {
    return this.rooms.get(identity)!;
  }

  /** A member of the room that calls itself as `tag`'s owner does, which whoever has the secret can. */
  impostor(peer: Identity['peer']): SignalingClient {
    const room = this.signaling(peer);
    this.rooms.set({ peer } as Identity, room);
    return room;
  }

  /** A transport of the court's tier in somebody's room. */
  transport(signaling: SignalingClient): Transport & { dispose(): void } {
    if (this.tier === 'relay') return relayTransport({ signaling, probeMs: PROBE_MS });
    if (this.tier === 'json') return jsonTransport({ signaling, probeMs: PROBE_MS });
    const webrtc = webrtcTransport(signaling, {
      log: createLogger(({ text }) => this.log.push(text)),
      iceServers: () => [],
    });
    return Object.assign(webrtc, { dispose: () => undefined });
  }

  /** A link from `a` to `b`, as each of them holds it. Rejects when it is lost before `b` has it, too. */
  async link(a: Person, b: Person): Promise<[Link, Link]> {
    const arriving = next(b.host.onLink, (link) => link.peer === a.identity.peer);
    const near = await a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
    const lost = closed(near).then((error) => Promise.reject(error));
    lost.catch(() => undefined);
    const far = await Promise.race([arriving, lost]);
    for (const link of [near, far]) link.admit();
    return [near, far];
  }

  async dispose(): Promise<void> {
    this.lab.dispose();
    for (const room of this.rooms.values()) room.dispose();
    await this.server.dispose();
  }

  private signaling(peer: Identity['peer']): SignalingClient {
    return new SignalingClient({
      urls: [this.server.url],
      secret: this.secret,
      peer,
      log: createLogger(({ level, text }) => this.log.push(`${level} ${text}`)),
    });
  }

  private async enter(identity: Identity): Promise<Transport & { dispose(): void }> {
    const signaling = this.signaling(identity.peer);
    this.rooms.set(identity, signaling);
    await signaling.joined();
    return this.transport(signaling);
  }
}

/** All reasons in an error, in what it was caused by, and in what that was caused by. */
export function reasonsIn(error: unknown): Reason[] {
  if (error instanceof AggregateError) return (error.errors as unknown[]).flatMap(reasonsIn);
  if (!(error instanceof Error)) return [];
  return [...(error instanceof PeerweaveError ? [error.reason] : []), ...reasonsIn(error.cause)];
}

/** Serves what the other end of `link` asks: its own words, sent back. */
export function echoes(link: Link): void {
  link.onExec((_, stream) => {
    stream.pipe(stream);
    stream.on('error', () => undefined);
    stream.once('finish', () => stream.exit(0));
    return true;
  });
}

/** Sends `bytes` over a link whose other end echoes, and checks that just these come back. */
export async function carries(link: Link, bytes = randomBytes(300_000)): Promise<void> {
  const stream = await link.exec('echo');
  const back = buffer(stream);
  for (let at = 0; at < bytes.length; at += 32_768) {
    if (!stream.write(bytes.subarray(at, at + 32_768))) await once(stream, 'drain');
  }
  stream.end();
  expect((await back).equals(bytes)).toBe(true);
}
