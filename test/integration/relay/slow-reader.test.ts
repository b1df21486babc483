import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { Signaling } from '../../../extension/src/p2p/signaling/signaling.ts';
import { MeetingTransport } from '../../../extension/src/p2p/transport/meeting-transport.ts';
import type { MessagePort } from '../../../extension/src/p2p/transport/message-port.ts';
import { binaryFrames, relayTransport } from '../../../extension/src/p2p/transport/relay.ts';
import { MESSAGE_DATA, STREAM_WINDOW_BYTES } from '../../../extension/src/p2p/transport/stream-message.ts';
import type { Transport, TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { readAll } from '../../support/read-all.ts';
import { metricOf } from '../../support/server-client.ts';
import { SignalingLab, type RoomMember } from '../../support/signaling-lab.ts';

const KiB = 1_024;
const PAUSE_BYTES = 256 * KiB;

let lab: SignalingLab;
/** Who sends, who does not read, who must not notice, and who fills up what the kernel keeps for the one who does not read. */
let ada: RoomMember;
let bob: RoomMember;
let cyd: RoomMember;
let dan: RoomMember;
const transports: MeetingTransport[] = [];
const streams: Duplex[] = [];

beforeEach(async () => {
  // Nobody is dropped: whoever is stalled stays so.
  lab = await SignalingLab.start({ metricsPort: 0, limits: { slowConsumerDropMs: 3_600_000 } });
  const members = await lab.joined(4);
  [ada, bob, cyd, dan] = members as [RoomMember, RoomMember, RoomMember, RoomMember];
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  for (const transport of transports.splice(0)) transport.dispose();
  await lab.dispose();
});

const queued = (): Promise<number> => metricOf(lab.server.metricsUrl, 'peerweave_queued_bytes');

interface Listening {
  readonly address: TransportAddress;
  /** What was accepted, in order. */
  readonly accepted: Duplex[];
  /** The connections to the server that it relays by. */
  readonly sockets: WebSocket[];
}

async function listen({ signaling }: RoomMember): Promise<Listening> {
  const sockets: WebSocket[] = [];
  const openMeeting: Signaling['openMeeting'] = async (meeting, signal) => {
    const socket = await signaling.openMeeting(meeting, signal);
    sockets.push(socket);
    return socket;
  };
  const watched = new Proxy<Signaling>(signaling, {
    get: (target, name) => {
      const value: unknown = name === 'openMeeting' ? openMeeting : Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const transport = relayTransport({ signaling: watched });
  transports.push(transport);
  const accepted: Duplex[] = [];
  const { addresses } = await transport.listen({
    onPipe: ({ stream }) => {
      accepted.push(stream);
      streams.push(stream);
    },
  });
  return { address: addresses[0]!, accepted, sockets };
}

async function dial(transport: Transport, to: Listening): Promise<[near: Duplex, far: Duplex]> {
  const count = to.accepted.length;
  const { stream } = await transport.dial(to.address);
  streams.push(stream);
  await expect.poll(() => to.accepted.length).toBeGreaterThan(count);
  return [stream, to.accepted[count]!];
}

async function carries(near: Duplex, far: Duplex): Promise<void> {
  const sent = randomBytes(500_000);
  near.end(sent);
  far.end(sent);
  const [there, back] = await Promise.all([readAll(far), readAll(near)]);
  expect(there.equals(sent) && back.equals(sent)).toBe(true);
}

async function read(stream: Duplex, bytes: number): Promise<void> {
  for (let left = bytes; left > 0;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) await once(stream, 'readable');
    else left -= chunk.length;
  }
}

/** Sends to somebody who does not read, without regard to what was granted, until the kernel takes no more and it waits in the server. */
async function fillUp(to: Listening): Promise<void> {
  const ports: MessagePort[] = [];
  const wrap = (port: MessagePort): MessagePort => {
    ports.push(port);
    return port;
  };
  const raw = new MeetingTransport({ tier: 'relay', codec: binaryFrames, wrap }, { signaling: dan.signaling });
  transports.push(raw);
  await dial(raw, to);
  for (const socket of to.sockets) socket.pause();
  const message = Buffer.alloc(60_000, MESSAGE_DATA);
  while ((await queued()) < PAUSE_BYTES / 2) ports[0]!.send(message);
}

it('[LI8] who relays to somebody that does not read still reaches everybody else', async () => {
  const [slow, good] = [await listen(bob), await listen(cyd)];
  const dialer = relayTransport({ signaling: ada.signaling });
  transports.push(dialer);
  const [toSlow] = await dial(dialer, slow);
  const [near, far] = await dial(dialer, good);
  const fromAda = slow.accepted[0]!;
  // As much is granted as was seen to be read.
  toSlow.write(Buffer.alloc(2 * STREAM_WINDOW_BYTES));
  await read(fromAda, 2 * STREAM_WINDOW_BYTES);
  await fillUp(slow);
  toSlow.end(Buffer.alloc(4 * STREAM_WINDOW_BYTES));
  await expect.poll(queued).toBeGreaterThan(PAUSE_BYTES);
  await carries(near, far);
  // And the slow one gets all when it reads on.
  for (const socket of slow.sockets) socket.resume();
  expect((await readAll(fromAda)).length).toBe(4 * STREAM_WINDOW_BYTES);
});
