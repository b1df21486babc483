import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Meeting } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { ServerMessage } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { encodeId, relayHeader } from '../../../extension/src/p2p/signaling/wire/relay-frame.ts';
import type { FrameChannel } from '../../../extension/src/p2p/transport/frame-channel.ts';
import { MeetingConnections } from '../../../extension/src/p2p/transport/meeting-connections.ts';
import { binaryFrames } from '../../../extension/src/p2p/transport/relay.ts';

/** A relay that says only what a test has it say. */
let relay: WebSocketServer;
let connections: MeetingConnections;
const clients: WebSocket[] = [];

beforeEach(async () => {
  relay = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(relay, 'listening');
  connections = new MeetingConnections({ codec: binaryFrames, open, answerMs: 200 });
});

afterEach(async () => {
  connections.dispose();
  for (const client of relay.clients) client.terminate();
  clients.length = 0;
  await new Promise((resolve) => relay.close(resolve));
});

async function open(meeting: Meeting): Promise<WebSocket> {
  const socket = new WebSocket(meeting.url);
  await once(socket, 'open');
  clients.push(socket);
  return socket;
}

const newId = (): string => encodeId(randomBytes(16));

function meeting(): Meeting {
  const { port } = relay.address() as AddressInfo;
  return {
    with: { peer: newId(), tag: newId() },
    self: 'A'.repeat(22),
    session: newId(),
    ticket: newId(),
    url: `ws://127.0.0.1:${port}`,
  };
}

async function attend(which: Meeting): Promise<{ channel: FrameChannel; closed: Promise<unknown>; frames: Buffer[] }> {
  const channel = await connections.attach(which);
  const frames: Buffer[] = [];
  channel.onFrame(({ data }) => frames.push(Buffer.from(data)));
  return { channel, closed: new Promise((resolve) => channel.onClosed(resolve)), frames };
}

const say = (...messages: (ServerMessage | Buffer)[]): void => {
  for (const client of relay.clients) {
    for (const message of messages) client.send(Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }
};

const frame = (session: string, peer: string, text: string): Buffer =>
  Buffer.concat([relayHeader(Buffer.from(session, 'base64url'), Buffer.from(peer, 'base64url'), 0), Buffer.from(text)]);

it('a relay that does not answer is given up, and the next meeting gets a connection of its own', async () => {
  const first = await attend(meeting());
  const second = await attend(meeting());
  expect(clients.length).toBe(1);
  expect(await first.closed).toMatchObject({ reason: 'unreachable' });
  expect(await second.closed).toMatchObject({ reason: 'unreachable' });
  await attend(meeting());
  expect(clients.length).toBe(2);
});

it('a new connection to the room does not use what an older one has left: its network may be gone', async () => {
  await attend(meeting());
  await attend({ ...meeting(), self: 'B'.repeat(22) });
  expect(clients.length).toBe(2);
});

it('a refusal is for the meeting that it names, or for the oldest that is not answered', async () => {
  const [one, two, three] = [meeting(), meeting(), meeting()];
  const [first, second, third] = [await attend(one), await attend(two), await attend(three)];
  say({ type: 'attached', session: one.session, ready: false });
  say({ type: 'error', reason: 'ticket-unknown', message: 'x', fatal: false });
  expect(await second.closed).toMatchObject({ reason: 'unreachable' });
  say({ type: 'error', reason: 'session-unknown', message: 'x', fatal: false, session: one.session });
  expect(await first.closed).toMatchObject({ reason: 'unreachable' });
  say({ type: 'error', reason: 'slow-consumer', message: 'x', fatal: true });
  expect(await third.closed).toMatchObject({ reason: 'signaling-unreachable' });
});

it('nothing that a relay writes is shown to people', async () => {
  const { closed } = await attend(meeting());
  say({ type: 'error', reason: 'room-full', message: 'Visit example.org to upgrade', fatal: true });
  expect(await closed).not.toHaveProperty('message', expect.stringContaining('example.org'));
});

it('a relay that goes away gets no more meetings, and keeps those it has until they end', async () => {
  const which = meeting();
  const { channel, closed, frames } = await attend(which);
  say({ type: 'attached', session: which.session, ready: true }, { type: 'go-away', afterMs: 1_000 });
  say(frame(which.session, which.with.peer, 'still here'));
  while (frames.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await attend(meeting());
  expect(clients.length).toBe(2);
  channel.close();
  expect(await closed).toBeUndefined();
  await once(clients[0]!, 'close');
});

it('frames of foreign meetings are nobody’s, and types of messages that are not known yet are passed over', async () => {
  const which = meeting();
  const { frames } = await attend(which);
  say({ type: 'attached', session: which.session, ready: true });
  for (let i = 0; i < 1_000; i++) say(frame(newId(), which.with.peer, 'foreign'));
  for (const client of relay.clients) client.send(JSON.stringify({ type: 'brand-new', session: which.session }));
  say(frame(which.session, which.with.peer, 'ours'));
  while (frames.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(frames.map(String)).toEqual(['ours']);
});

it.each<[string, string | Buffer]>([
  ['text that is no JSON', 'HTTP/1.1 400 Bad Request'],
  ['a known type with other fields', '{"type":"attached","session":7}'],
  ['a binary frame that is too short', Buffer.alloc(20)],
  ['a binary frame with ids of another length', Buffer.alloc(100, 200)],
])('%s ends the connection with `transport-corrupt`', async (_, garbage) => {
  const { closed } = await attend(meeting());
  for (const client of relay.clients) client.send(garbage);
  expect(await closed).toMatchObject({ reason: 'transport-corrupt' });
});

it('a relay that closes the connection ends its meetings, and the next one connects again', async () => {
  const { closed } = await attend(meeting());
  for (const client of relay.clients) client.terminate();
  expect(await closed).toMatchObject({ reason: 'link-lost' });
  await attend(meeting());
  expect(clients.length).toBe(2);
});
