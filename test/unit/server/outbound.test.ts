import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { DEFAULT_LIMITS } from '../../../server/options.ts';
import { Outbound, type Holdable, type Sender } from '../../../server/outbound.ts';

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

class Reading implements Holdable {
  holds = 0;
  hold(): void {
    this.holds++;
  }
  release(): void {
    this.holds--;
  }
}

/** One relay of a connection. */
class Relay implements Sender {
  readonly inbound: Reading;
  readonly heard: ('pause' | 'resume')[] = [];
  constructor(inbound = new Reading()) {
    this.inbound = inbound;
  }
  pause(): void {
    this.heard.push('pause');
  }
  resume(): void {
    this.heard.push('resume');
  }
}

describe('what goes to a client', () => {
  const limits = { ...DEFAULT_LIMITS, slowConsumerDropMs: 10_000 };
  let socket: SlowSocket;
  let outbound: Outbound;
  let dropped: number;
  let sender: Relay;

  beforeEach(() => {
    vi.useFakeTimers();
    socket = new SlowSocket();
    dropped = 0;
    sender = new Relay();
    outbound = new Outbound(socket as unknown as WebSocket, limits, () => dropped++);
  });
  afterEach(() => vi.useRealTimers());

  const send = (frames: number, from = sender): void => {
    for (let frame = 0; frame < frames; frame++) outbound.send(FRAME, true, from);
  };

  it('asks its sender to pause above 256 KiB, once, and to go on below half of that', () => {
    send(4);
    expect([outbound.queuedBytes, sender.heard]).toEqual([256 * KiB, []]);
    send(2);
    expect([outbound.queuedBytes, sender.heard]).toEqual([384 * KiB, ['pause']]);
    for (let read = 0; read < 3; read++) socket.read();
    expect([outbound.queuedBytes, sender.heard]).toEqual([192 * KiB, ['pause']]);
    socket.read();
    expect([outbound.queuedBytes, sender.heard]).toEqual([128 * KiB, ['pause', 'resume']]);
    while (outbound.queuedBytes > 0) socket.read();
    expect([socket.written.length, sender.inbound.holds, sender.heard]).toEqual([6, 0, ['pause', 'resume']]);
  });

  it('reads a sender no more that has more than 1 MiB waiting, until it may go on', () => {
    send(16);
    expect([outbound.queuedBytes, sender.inbound.holds]).toEqual([1_024 * KiB, 0]);
    send(2);
    expect([sender.inbound.holds, sender.heard]).toEqual([1, ['pause']]);
    while (outbound.queuedBytes > 128 * KiB) socket.read();
    expect([sender.inbound.holds, sender.heard]).toEqual([0, ['pause', 'resume']]);
  });

  it('reads a sender on, whatever others send: only who has more than an equal share waiting is held', () => {
    const others = Array.from({ length: 7 }, () => new Relay());
    send(1);
    for (const other of others) send(6, other);
    send(1);
    expect([sender.inbound.holds, sender.heard]).toEqual([0, ['pause']]);
    expect(others.map(({ inbound }) => inbound.holds)).toEqual(others.map(() => 0));
    // An eighth of 3 MiB is 384 KiB.
    for (const other of others) send(1, other);
    expect([sender.inbound.holds, ...others.map(({ inbound }) => inbound.holds)]).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(dropped).toBe(0);
  });

  it('counts all the relays of one connection together, and asks each to pause', () => {
    const other = new Relay(sender.inbound);
    for (let round = 0; round < 8; round++) {
      send(1);
      send(1, other);
    }
    expect([sender.inbound.holds, sender.heard, other.heard]).toEqual([0, ['pause'], ['pause']]);
    send(1, other);
    expect(sender.inbound.holds).toBe(1);
    while (outbound.queuedBytes > 0) socket.read();
    expect([sender.inbound.holds, other.heard]).toEqual([0, ['pause', 'resume']]);
  });

  it('keeps a client that is slow and goes on reading, for as long as it likes', () => {
    send(5);
    for (let read = 0; read < 20; read++) {
      vi.advanceTimersByTime(9_999);
      socket.read();
      send(1);
    }
    expect([dropped, sender.heard]).toEqual([0, ['pause']]);
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
    send(25);
    outbound.send('goodbye', false);
    outbound.close({ broken: false });
    expect([socket.written.length, socket.written.at(-1), sender.inbound.holds]).toEqual([26, 'goodbye', 0]);
    expect(sender.heard).toEqual(['pause', 'resume']);
    outbound.send('too late', false);
    vi.advanceTimersByTime(60_000);
    expect([socket.written.length, dropped]).toEqual([26, 0]);
  });

  it('writes nothing more to a client that is gone', () => {
    send(5);
    outbound.close({ broken: true });
    expect([socket.written.length, sender.inbound.holds, outbound.queuedBytes]).toEqual([1, 0, 0]);
    socket.read();
    expect([socket.written.length, outbound.queuedBytes]).toEqual([1, 0]);
  });
});
