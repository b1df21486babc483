import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { Meeting } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { ServerMessage } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import type { FrameChannel } from '../../../extension/src/p2p/transport/frame-channel.ts';
import { MeetingConnection } from '../../../extension/src/p2p/transport/meeting-connection.ts';

const KiB = 1_024;
const FRAME = Buffer.alloc(32 * KiB);

/** A socket whose writes leave it when the test says so. */
class SlowSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  readonly url = 'ws://127.0.0.1:1/';
  bufferedAmount = 0;
  private readonly waiting: (() => void)[] = [];

  send(message: Buffer | string, done?: () => void): void {
    const bytes = Buffer.byteLength(message);
    this.bufferedAmount += bytes;
    this.waiting.push(() => {
      this.bufferedAmount -= bytes;
      done?.();
    });
  }

  /** What was written first goes; false when there is nothing. */
  drain(): boolean {
    const next = this.waiting.shift();
    next?.();
    return next !== undefined;
  }

  hear(message: ServerMessage): void {
    this.emit('message', Buffer.from(JSON.stringify(message)), false);
  }
}

const connect = (): { socket: SlowSocket; attach: (name: string) => FrameChannel } => {
  const socket = new SlowSocket();
  const codec = { maxFrameBytes: FRAME.length, encode: () => FRAME };
  const connection = new MeetingConnection(socket as unknown as WebSocket, codec);
  const attach = (session: string): FrameChannel => {
    const other = { peer: 'other', tag: 'other' };
    const meeting: Meeting = { with: other, self: 'self', session, ticket: session, url: socket.url };
    const channel = connection.attach(meeting);
    socket.hear({ type: 'attached', session, ready: true });
    return channel;
  };
  return { socket, attach };
};
const id = (letter: string): string => letter.repeat(22);

/** Sends whenever there is room, as a stream with much to send does; counts the frames. */
function pour(channel: FrameChannel): { frames: number } {
  const count = { frames: 0 };
  const flush = (): void => {
    while (channel.queuedBytes < 256 * KiB) {
      channel.send(count.frames, [FRAME]);
      count.frames += 1;
    }
  };
  channel.onLow(flush);
  flush();
  return count;
}

it('meetings that all have much to send take turns, whoever was there first', () => {
  const { socket, attach } = connect();
  const counts = ['a', 'b', 'c'].map((name) => pour(attach(id(name))));
  for (let frame = 0; frame < 3_000; frame++) socket.drain();
  const frames = counts.map((count) => count.frames);
  expect(Math.min(...frames)).toBeGreaterThan(900);
  expect(Math.max(...frames)).toBeLessThan(1_100);
});

it('a meeting sends nothing from the server’s `pause` to its `resume`, and the others go on', () => {
  const { socket, attach } = connect();
  const [slow, good] = ['a', 'b'].map((name) => attach(id(name))) as [FrameChannel, FrameChannel];
  const [toSlow, toGood] = [pour(slow), pour(good)];
  socket.hear({ type: 'pause', session: id('a') });
  const before = toSlow.frames;
  for (let frame = 0; frame < 300; frame++) socket.drain();
  expect(toSlow.frames).toBe(before);
  expect(toGood.frames).toBeGreaterThan(250);
  socket.hear({ type: 'resume', session: id('a') });
  for (let frame = 0; frame < 300; frame++) socket.drain();
  expect(toSlow.frames - before).toBeGreaterThan(100);
});

it('a meeting that is resumed on an idle connection goes on at once', () => {
  const { socket, attach } = connect();
  const channel = attach(id('a'));
  const count = pour(channel);
  socket.hear({ type: 'pause', session: id('a') });
  while (socket.drain());
  const before = count.frames;
  socket.hear({ type: 'resume', session: id('a') });
  expect(count.frames).toBe(before + 8);
});

it('[LI7] the more meetings share a connection, the less each has under way to us', () => {
  const { attach } = connect();
  const first = attach(id('a'));
  expect(first.windowBytes).toBe(2_048 * KiB);
  const others = ['b', 'c', 'd'].map((name) => attach(id(name)));
  expect(first.windowBytes).toBe(512 * KiB);
  for (const other of others) other.close();
  expect(first.windowBytes).toBe(2_048 * KiB);
  for (let other = 0; other < 50; other++) attach(id('e').slice(2) + String(other).padStart(2, '0'));
  expect(first.windowBytes).toBe(64 * KiB);
});
