import type { Disposable } from '../../shared/disposable.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import type { Clock } from './clock.ts';
import type { ClientMessage } from './wire/messages.ts';

/** Under what servers take (100 a second, ten seconds' worth at once), so that a room full of newcomers costs time and not the connection. */
const PER_SECOND = 80;
const AT_ONCE = 800;
const MAX_QUEUED = 1_000;
const MAX_QUEUED_BYTES = 1024 * 1024;

/** Sends messages no faster than a server takes them, in order; what would have to wait too long is dropped. */
export class PacedQueue implements Disposable {
  private readonly send: (message: ClientMessage) => void;
  private readonly clock: Clock;
  private readonly rate: RateLimit;
  private readonly queue: { readonly message: ClientMessage; readonly bytes: number }[] = [];
  private queuedBytes = 0;
  private timer: Disposable | undefined;

  constructor(send: (message: ClientMessage) => void, clock: Clock) {
    this.send = send;
    this.clock = clock;
    this.rate = new RateLimit(PER_SECOND, AT_ONCE, () => clock.now());
  }

  /** False when it was dropped. */
  push(message: ClientMessage): boolean {
    if (this.queue.length === 0 && this.rate.take()) {
      this.send(message);
      return true;
    }
    const bytes = message.type === 'signal' ? message.body.length : 0;
    if (this.queue.length >= MAX_QUEUED || this.queuedBytes + bytes > MAX_QUEUED_BYTES) return false;
    this.queue.push({ message, bytes });
    this.queuedBytes += bytes;
    this.wait();
    return true;
  }

  dispose(): void {
    this.timer?.dispose();
    this.timer = undefined;
    this.queue.length = 0;
    this.queuedBytes = 0;
  }

  private wait(): void {
    this.timer ??= this.clock.after(1000 / PER_SECOND, () => {
      this.timer = undefined;
      for (let next = this.queue[0]; next !== undefined && this.rate.take(); next = this.queue[0]) {
        this.queue.shift();
        this.queuedBytes -= next.bytes;
        this.send(next.message);
      }
      if (this.queue.length > 0) this.wait();
    });
  }
}
