import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeId } from '../../../extension/src/p2p/signaling/wire/relay-frame.ts';
import { MeetingTransport } from '../../../extension/src/p2p/transport/meeting-transport.ts';
import type { MessagePort } from '../../../extension/src/p2p/transport/message-port.ts';
import { binaryFrames, relayTransport } from '../../../extension/src/p2p/transport/relay.ts';
import {
  FIRST_WINDOW_BYTES,
  MESSAGE_DATA,
  STREAM_WINDOW_BYTES,
} from '../../../extension/src/p2p/transport/stream-message.ts';
import type { Pipe, TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { readAll } from '../../support/read-all.ts';
import { Middlebox } from '../../support/middlebox.ts';
import { seesPeers, SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

let lab: SignalingLab;
/** In front of the victim, to see its connections. */
let door: Middlebox;
let victim: RoomMember;
let friend: RoomMember;
let hostile: RoomMember;
let address: TransportAddress;
let dialer: MeetingTransport;
let accepted: Pipe[];
const transports: MeetingTransport[] = [];
const streams: Duplex[] = [];

beforeEach(async () => {
  lab = await SignalingLab.start();
  door = await Middlebox.before(lab.server.url);
  [victim, friend, hostile] = [lab.member({ urls: [door.url] }), lab.member(), lab.member()];
  await Promise.all([victim, friend, hostile].map(({ signaling }) => seesPeers(signaling, 2)));
  const listener = relayTransport({ signaling: victim.signaling, idleMs: 1 });
  dialer = relayTransport({ signaling: friend.signaling });
  transports.push(listener, dialer);
  accepted = [];
  const { addresses } = await listener.listen({
    onPipe: (pipe) => {
      accepted.push(pipe);
      streams.push(pipe.stream);
    },
  });
  address = addresses[0]!;
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  for (const transport of transports.splice(0)) transport.dispose();
  await lab.dispose();
  await door.dispose();
});

/** A pipe from the friend to the victim, and its other end. */
async function open(): Promise<[Duplex, Duplex]> {
  const count = accepted.length;
  const { stream } = await dialer.dial(address);
  streams.push(stream);
  await until(() => accepted.length > count);
  return [stream, accepted[count]!.stream];
}

async function carries([near, far]: [Duplex, Duplex]): Promise<void> {
  const sent = randomBytes(200_000);
  near.end(sent);
  far.end(sent);
  const [there, back] = await Promise.all([readAll(far), readAll(near)]);
  expect(there.equals(sent) && back.equals(sent)).toBe(true);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const victimConnections = (): number => door.connections.size;

describe('a member that does not keep to the rules [LI8]', () => {
  it('and sends more than it was granted loses its pipe; others keep theirs', async () => {
    const honest = await open();
    const ports: MessagePort[] = [];
    const wrap = (port: MessagePort): MessagePort => {
      ports.push(port);
      return port;
    };
    const raw = new MeetingTransport({ tier: 'relay', codec: binaryFrames, wrap }, { signaling: hostile.signaling });
    transports.push(raw);
    const { stream } = await raw.dial(address);
    streams.push(stream);
    await until(() => accepted.length === 2);
    const hit = accepted[1]!.stream;
    const message = Buffer.alloc(60_000, MESSAGE_DATA);
    for (let sent = 0; sent <= STREAM_WINDOW_BYTES; sent += message.length - 1) ports[0]!.send(message);
    if (!hit.closed) await once(hit, 'close').catch(() => undefined);
    expect(hit.errored).toMatchObject({ reason: 'protocol-violation' });
    if (!stream.closed) await once(stream, 'close').catch(() => undefined);
    expect(stream.errored).toMatchObject({ reason: 'protocol-violation' });
    await carries(honest);
  });

  it('and speaks of meetings that do not exist makes nobody go anywhere', async () => {
    for (let i = 0; i < 500; i++) {
      const attempt = encodeId(randomBytes(16));
      hostile.signaling.send(victim.signaling.self, { kind: 'meet', attempt, tier: 'relay' });
    }
    await carries(await open());
    // To the room, and to the friend's meeting.
    expect(victimConnections()).toBeLessThanOrEqual(2);
  });

  it('and asks for meetings without coming to them keeps nobody else out', async () => {
    for (let i = 0; i < 60; i++) {
      const { session: attempt } = await hostile.signaling.meet(victim.signaling.self);
      hostile.signaling.send(victim.signaling.self, { kind: 'meet', attempt, tier: 'relay' });
    }
    await carries(await open());
    expect(victimConnections()).toBe(2);
  });
});

it('nobody goes to a meeting that only the server speaks of', async () => {
  const told = new Promise((resolve) => victim.signaling.onMeeting(resolve));
  await hostile.signaling.meet(victim.signaling.self);
  await told;
  await carries(await open());
  await until(() => victimConnections() === 1);
});

it('all meetings of a tier go over one connection, which closes some time after the last and opens again for the next', async () => {
  const pipes = [await open(), await open(), await open()];
  expect(victimConnections()).toBe(2);
  for (const pipe of pipes) await carries(pipe);
  await until(() => victimConnections() === 1);
  const next = await open();
  expect(victimConnections()).toBe(2);
  await carries(next);
});

it('a session that ends closes its connections, once its pipes have said their last words', async () => {
  const [near, far] = await open();
  far.end('last words');
  victim.signaling.dispose();
  expect((await buffer(near)).toString()).toBe('last words');
  near.end();
  await until(() => victimConnections() === 0);
});

it('a reader that does not read stops the writer at the window: neither server nor either end holds more [LI7]', async () => {
  const pipes = [await open(), await open(), await open(), await open()];
  const chunk = Buffer.alloc(32 * 1024, 1);
  for (const [near] of pipes) {
    let written = 0;
    while (written < 64 * 1024 * 1024) {
      written += chunk.length;
      if (near.write(chunk)) continue;
      const goesOn = await Promise.race([once(near, 'drain').then(() => true), pause().then(() => false)]);
      if (!goesOn) break;
    }
    expect(written).toBeGreaterThanOrEqual(FIRST_WINDOW_BYTES);
    expect(written).toBeLessThan(FIRST_WINDOW_BYTES + 256 * 1024);
  }
});

/** Ample for anything on this machine that is going to happen. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
