import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { messageStream } from '../../../extension/src/p2p/transport/message-stream.ts';
import {
  creditMessage,
  MESSAGE_CREDIT,
  MESSAGE_DATA,
  MESSAGE_END,
  MESSAGE_ENDED,
  MESSAGE_RESET,
  STREAM_WINDOW_BYTES,
} from '../../../extension/src/p2p/transport/stream-message.ts';
import { MemoryPort } from '../../support/memory-port.ts';

const WINDOW = 1_024;
const MAX_MESSAGE = 100;

interface Ends {
  near: Duplex;
  far: Duplex;
  nearPort: MemoryPort;
  farPort: MemoryPort;
}

function ends(
  options: { maxMessage?: number; firstBytes?: number; windowBytes?: number; automatic?: boolean } = {},
): Ends {
  const { maxMessage = MAX_MESSAGE, windowBytes = WINDOW, firstBytes = windowBytes, automatic = false } = options;
  const [nearPort, farPort] = MemoryPort.pair(maxMessage, { automatic });
  return {
    nearPort,
    farPort,
    near: messageStream(nearPort, { firstBytes, windowBytes }),
    far: messageStream(farPort, { firstBytes, windowBytes }),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Delivers all that is under way, and what that brings about. */
async function settle({ nearPort, farPort }: Ends): Promise<void> {
  let quiet = 0;
  while (quiet < 3) {
    const moved = nearPort.deliver() || farPort.deliver();
    quiet = moved ? 0 : quiet + 1;
    await turn();
  }
}

const types = (messages: readonly Uint8Array[]): number[] => messages.map(([type]) => type!);
const dataBytes = (messages: readonly Uint8Array[]): number =>
  messages.filter(([type]) => type === MESSAGE_DATA).reduce((sum, { length }) => sum + length - 1, 0);

const failure = async (stream: Duplex): Promise<unknown> => {
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve));
  return stream.errored;
};

describe('message stream', () => {
  it('delivers exactly the bytes, and never holds more than a window, in any interleaving of writes and reads [LI7]', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 700 }) }) },
      { weight: 2, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 900 }) }) },
      { weight: 6, arbitrary: fc.constant({ carry: true as const }) },
      { weight: 3, arbitrary: fc.constant({ answer: true as const }) },
      { weight: 2, arbitrary: fc.constant({ turn: true as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
        const all = ends();
        const { near, far, nearPort, farPort } = all;
        const sent: Buffer[] = [];
        const received: Buffer[] = [];
        let arrived = 0;
        let read = 0;
        let most = 0;
        const take = (size?: number): void => {
          const data = far.read(size) as Buffer | null;
          if (!data) return;
          read += data.length;
          received.push(data);
        };
        farPort.onMessage((message) => {
          if (message[0] === MESSAGE_DATA) arrived += message.length - 1;
          most = Math.max(most, arrived - read);
        });
        for (const each of steps) {
          if ('write' in each) {
            const chunk = randomBytes(each.write);
            sent.push(Buffer.from(chunk));
            near.write(chunk);
          } else if ('read' in each) take(Math.min(each.read, far.readableLength) || undefined);
          else if ('carry' in each) nearPort.deliver();
          else if ('answer' in each) farPort.deliver();
          else await turn();
        }
        near.end();
        const reading = (async () => {
          for await (const data of far) {
            read += (data as Buffer).length;
            received.push(data as Buffer);
          }
        })();
        far.end();
        near.resume();
        await settle(all);
        await reading;
        expect(most).toBeLessThanOrEqual(WINDOW);
        expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
        await settle(all);
        expect([near.errored, far.errored, nearPort.closed, farPort.closed]).toEqual([null, null, true, true]);
      }),
      { numRuns: 150 },
    );
  });

  it('stops the far writer when nobody reads, with one window under way and one message of backlog [LI7]', async () => {
    const all = ends();
    let accepted = 0;
    while (all.near.writableLength < 10 * WINDOW) {
      all.near.write(Buffer.alloc(50));
      accepted += 50;
      await settle(all);
      if (all.near.writableNeedDrain) break;
    }
    expect(dataBytes(all.nearPort.sent)).toBe(WINDOW);
    expect(accepted).toBeLessThan(WINDOW + 4 * MAX_MESSAGE);
    all.far.resume();
    const drained = once(all.near, 'drain');
    await settle(all);
    await drained;
    expect(dataBytes(all.nearPort.sent)).toBe(accepted);
  });

  it('grants anew once half a window was read, not for every message', async () => {
    const all = ends();
    all.far.resume();
    for (let sent = 0; sent < 10 * WINDOW; sent += 64) {
      all.near.write(Buffer.alloc(64));
      await settle(all);
    }
    const credits = types(all.farPort.sent).filter((type) => type === MESSAGE_CREDIT);
    expect(credits.length).toBeGreaterThan(10);
    expect(credits.length).toBeLessThanOrEqual(20);
  });

  it('stops at a port that is full and goes on when it has room', async () => {
    const all = ends({ maxMessage: 64 * 1024, windowBytes: STREAM_WINDOW_BYTES });
    all.far.resume();
    all.near.write(Buffer.alloc(500 * 1024));
    await turn();
    const held = all.nearPort.queuedBytes;
    expect(held).toBeGreaterThanOrEqual(256 * 1024);
    expect(held).toBeLessThan(256 * 1024 + 64 * 1024);
    await settle(all);
    expect(dataBytes(all.nearPort.sent)).toBe(500 * 1024);
  });

  it('makes few messages of many small writes', async () => {
    const all = ends({ maxMessage: 4_096, windowBytes: 8_192 });
    for (let i = 0; i < 100; i++) all.near.write(Buffer.alloc(20, i));
    await turn();
    expect(all.nearPort.sent.map(({ length }) => length)).toEqual([2_001]);
    for (let i = 0; i < 300; i++) all.near.write(Buffer.alloc(20, i));
    await turn();
    expect(all.nearPort.sent.map(({ length }) => length)).toEqual([2_001, 4_096, 1_906]);
  });

  it('keeps what a window of tiny messages weighs near what it holds [LI7]', async () => {
    const { far, farPort } = ends({ windowBytes: STREAM_WINDOW_BYTES });
    for (let i = 0; i < STREAM_WINDOW_BYTES; i++) farPort.inject(Buffer.of(MESSAGE_DATA, i & 0xff));
    const read: Buffer[] = [];
    far.on('data', (data: Buffer) => read.push(data));
    while (dataLength(read) < STREAM_WINDOW_BYTES) await turn();
    // The first few are handed on before anybody knows that there will be more.
    expect(read.filter(({ length }) => length === 4_096).length).toBeGreaterThan((STREAM_WINDOW_BYTES / 4_096) * 0.8);
    expect(Buffer.concat(read).every((byte, i) => byte === (i & 0xff))).toBe(true);
  });

  it('half-closes both ways, and closes its port when both ends know', async () => {
    const all = ends({ automatic: true });
    all.near.end('question');
    expect((await buffer(all.far)).toString()).toBe('question');
    expect(all.farPort.closed).toBe(false);
    all.far.end('answer');
    expect((await buffer(all.near)).toString()).toBe('answer');
    await Promise.all([failure(all.near), failure(all.far)]);
    while (!all.nearPort.closed || !all.farPort.closed) await turn();
    expect(types(all.nearPort.sent)).toEqual([MESSAGE_DATA, MESSAGE_END, MESSAGE_ENDED]);
  });

  it('lets a slow reader finish although the other side, done with everything, has closed the port', async () => {
    const all = ends({ automatic: true });
    all.near.resume();
    all.far.end();
    all.near.end(Buffer.alloc(600, 7));
    while (!all.farPort.closed) await turn();
    expect(await buffer(all.far)).toEqual(Buffer.alloc(600, 7));
    expect(await failure(all.far)).toBeNull();
  });

  it('lets the other side read to the end what it sent before it was destroyed', async () => {
    const all = ends({ automatic: true });
    all.near.end('last words', () => all.near.destroy());
    await failure(all.near);
    while (!all.farPort.closed) await turn();
    expect((await buffer(all.far)).toString()).toBe('last words');
    expect(await failure(all.far)).toMatchObject({ reason: 'link-lost' });
  });

  it('resets the other side when destroyed, with the reason when there is one', async () => {
    const all = ends({ automatic: true });
    all.near.destroy(new PeerweaveError('transport-corrupt', 'A bit flipped.'));
    expect(await failure(all.far)).toMatchObject({ reason: 'transport-corrupt' });
    expect([all.nearPort.closed, all.farPort.closed]).toEqual([true, true]);
    const others = ends({ automatic: true });
    others.near.destroy();
    expect(await failure(others.far)).toMatchObject({ reason: 'link-lost' });
  });

  it('breaks when its port does, and harms nobody who does not watch', async () => {
    const { near, nearPort } = ends();
    nearPort.close(new PeerweaveError('transport-corrupt', 'A bit flipped.'));
    expect(await failure(near)).toMatchObject({ reason: 'transport-corrupt' });
    expect(nearPort.sent).toEqual([]);
  });

  it('shows no text of the peer', async () => {
    const { near, nearPort } = ends();
    nearPort.inject(Buffer.concat([Buffer.of(MESSAGE_RESET), Buffer.from('Call 555-1234 now')]));
    const error = (await failure(near)) as PeerweaveError;
    expect(error.reason).toBe('link-lost');
    expect(error.message).not.toContain('555');
  });

  it('keeps its port until it has the answer to its end', async () => {
    const { near, nearPort } = ends();
    near.resume();
    near.end();
    nearPort.inject(Buffer.of(MESSAGE_END));
    await failure(near);
    expect(nearPort.closed).toBe(false);
    nearPort.inject(Buffer.of(MESSAGE_ENDED));
    expect(nearPort.closed).toBe(true);
  });

  describe('of a peer that breaks the rules [LI8]', () => {
    const data = (bytes: number): Buffer => Buffer.concat([Buffer.of(MESSAGE_DATA), Buffer.alloc(bytes)]);
    const cases: [string, Buffer[]][] = [
      ['nothing at all', [Buffer.alloc(0)]],
      ['a message of type 0', [Buffer.of(0)]],
      ['a message of an unknown type', [Buffer.of(77, 1, 2, 3)]],
      ['data without bytes', [data(0)]],
      ['one byte more than granted', [data(WINDOW), data(1)]],
      ['more than granted at once', [data(WINDOW + 1)]],
      ['data after its end', [Buffer.of(MESSAGE_END), data(1)]],
      ['a second end', [Buffer.of(MESSAGE_END), Buffer.of(MESSAGE_END)]],
      ['an end with more in it', [Buffer.of(MESSAGE_END, 1)]],
      ['an answer to an end that we did not send', [Buffer.of(MESSAGE_ENDED)]],
      ['a grant without bytes', [creditMessage(0)]],
      ['a grant past its window', [creditMessage(1)]],
      ['a grant that would overflow', [creditMessage(0xffff_ffff)]],
      ['a grant of another length', [Buffer.of(MESSAGE_CREDIT, 1)]],
      ['a reset with a novel in it', [Buffer.alloc(1_000, MESSAGE_RESET)]],
    ];
    it.each(cases)('%s ends the stream with a typed reason', async (_, messages) => {
      const { near, nearPort } = ends();
      for (const message of messages) nearPort.inject(message);
      expect(await failure(near)).toMatchObject({ reason: 'protocol-violation' });
      expect(Buffer.from(nearPort.sent.at(-1)!).toString('latin1', 1)).toBe('protocol-violation');
      expect(nearPort.closed).toBe(true);
    });
  });
});

const dataLength = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0);
