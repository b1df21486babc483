import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { DEFAULT_LIMITS } from '../../../server/options.ts';
import { Outbound, type Holdable } from '../../../server/outbound.ts';

const KiB = 1_024;
const FRAME = Buffer.alloc(64 * KiB - 64);

/** A socket whose writes are done when the test says so. */
class SlowSocket {
  readonly written: (string | Buffer)[] = [];
  private readonly waiting: (() => void)[] = [];

  send(data: string | Buffer, _options: unknown, done: () => void): void {
    this.written.push(data);
    this.waiting.push(done);
  }

  /** The client has read one message more. */
  read(): void {
    this.waiting.shift()?.();
  }
}

class Sender implements Holdable {
  holds = 0;
  hold(): void {
    this.holds++;
  }
  release(): void {
    this.holds--;
  }
}

describe('what goes to a client', () => {
  const limits = { ...DEFAULT_LIMITS, slowConsumerDropMs: 10_000 };
  let socket: SlowSocket;
  let outbound: Outbound;
  let dropped: number;
  const sender = new Sender();

  beforeEach(() => {
    vi.useFakeTimers();
    socket = new SlowSocket();
    dropped = 0;
    sender.holds = 0;
    outbound = new Outbound(socket as unknown as WebSocket, limits, () => dropped++);
  });
  afterEach(() => vi.useRealTimers());

  const send = (frames: number): void => {
    for (let frame = 0; frame < frames; frame++) outbound.send(FRAME, true, sender);
  };

  it('holds its sender above 256 KiB, once, and lets it go below half of that', () => {
    send(4);
    expect([outbound.queuedBytes, sender.holds]).toEqual([256 * KiB, 0]);
    send(2);
    expect([outbound.queuedBytes, sender.holds]).toEqual([384 * KiB, 1]);
    for (let read = 0; read < 3; read++) socket.read();
    expect([outbound.queuedBytes, sender.holds]).toEqual([192 * KiB, 1]);
    socket.read();
    expect([outbound.queuedBytes, sender.holds]).toEqual([128 * KiB, 0]);
    while (outbound.queuedBytes > 0) socket.read();
    expect(socket.written).toHaveLength(6);
  });

  it('keeps a client that is slow and goes on reading, for as long as it likes', () => {
    send(5);
    for (let read = 0; read < 20; read++) {
      vi.advanceTimersByTime(9_999);
      socket.read();
      send(1);
    }
    expect([dropped, sender.holds]).toEqual([0, 1]);
  });

  it('drops a client to whom nothing gets through for 10 s, and not one for whom little waits', () => {
    send(4);
    vi.advanceTimersByTime(60_000);
    expect(dropped).toBe(0);
    send(1);
    vi.advanceTimersByTime(9_999);
    expect(dropped).toBe(0);
    vi.advanceTimersByTime(1);
    expect(dropped).toBe(1);
  });

  it('drops a client for whom more than 4 MiB wait', () => {
    send(64);
    expect([outbound.queuedBytes, dropped]).toEqual([4_096 * KiB, 0]);
    outbound.send('', false);
    expect(dropped).toBe(1);
  });

  it('says what was to be said before it closes, and lets its senders go', () => {
    send(5);
    outbound.send('goodbye', false);
    outbound.close({ broken: false });
    expect([socket.written.length, socket.written.at(-1), sender.holds]).toEqual([6, 'goodbye', 0]);
    outbound.send('too late', false);
    vi.advanceTimersByTime(60_000);
    expect([socket.written.length, dropped]).toEqual([6, 0]);
  });

  it('writes nothing more to a client that is gone', () => {
    send(5);
    outbound.close({ broken: true });
    expect([socket.written.length, sender.holds, outbound.queuedBytes]).toEqual([1, 0, 0]);
    socket.read();
    expect([socket.written.length, outbound.queuedBytes]).toEqual([1, 0]);
  });
});
