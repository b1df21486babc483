import type { FrameChannel } from '../../extension/src/p2p/transport/frame-channel.ts';
import { Emitter } from '../../extension/src/shared/events.ts';

export interface Frame {
  readonly sequence: number;
  readonly data: Buffer;
}

/** One end of a meeting in memory. What it sends passes `tamper` on its way, which may change, drop, double or hold frames. */
export class MemoryChannel implements FrameChannel {
  readonly maxFrameBytes = 1_000;
  readonly queuedBytes = 0;
  readonly windowBytes = Infinity;
  readonly lowWaterBytes = 0;
  readonly sent: Frame[] = [];
  closed = false;
  tamper: (frame: Frame) => readonly Frame[] = (frame) => [frame];
  private other!: MemoryChannel;
  private readonly low = new Emitter<void>();
  private readonly ready = new Emitter<void>();
  private readonly frame = new Emitter<Frame>();
  private readonly closing = new Emitter<Error | undefined>();
  readonly onLow = this.low.event;
  readonly onReady = this.ready.event;
  readonly onFrame = this.frame.event;
  readonly onClosed = this.closing.event;

  static pair(): [MemoryChannel, MemoryChannel] {
    const [a, b] = [new MemoryChannel(), new MemoryChannel()];
    a.other = b;
    b.other = a;
    return [a, b];
  }

  send(sequence: number, parts: readonly Uint8Array[]): void {
    if (this.closed) return;
    const frame = { sequence, data: Buffer.concat(parts) };
    this.sent.push(frame);
    setImmediate(() => {
      for (const each of this.tamper(frame)) this.other.arrive(each);
    });
  }

  /** As if it came from the other end. */
  arrive(frame: Frame): void {
    if (!this.closed) this.frame.fire(frame);
  }

  /** Both sides are there. */
  meet(): void {
    this.ready.fire();
    this.other.ready.fire();
  }

  close(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.closing.fire(error);
    setImmediate(() => this.other.close(new Error('detached')));
  }
}
