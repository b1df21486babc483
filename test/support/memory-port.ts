import { Emitter } from '../../extension/src/shared/events.ts';
import type { MessagePort } from '../../extension/src/p2p/transport/message-port.ts';

/** One end of a pair of ports in memory. What is sent waits until `deliver` is called, or for the next turn with `automatic`. */
export class MemoryPort implements MessagePort {
  readonly maxMessageBytes: number;
  readonly lowWaterBytes: number;
  readonly queue: Uint8Array[] = [];
  /** All that was ever sent. */
  readonly sent: Uint8Array[] = [];
  automatic = false;
  closed = false;
  private peer!: MemoryPort;
  private readonly low = new Emitter<void>();
  private readonly message = new Emitter<Uint8Array>();
  private readonly closing = new Emitter<Error | undefined>();

  constructor(maxMessageBytes: number, lowWaterBytes = 1_000) {
    this.maxMessageBytes = maxMessageBytes;
    this.lowWaterBytes = lowWaterBytes;
  }

  static pair(maxMessageBytes = 16_384, { automatic = false } = {}): [MemoryPort, MemoryPort] {
    const [a, b] = [new MemoryPort(maxMessageBytes), new MemoryPort(maxMessageBytes)];
    a.peer = b;
    b.peer = a;
    a.automatic = b.automatic = automatic;
    return [a, b];
  }

  readonly onLow = this.low.event;
  readonly onMessage = this.message.event;
  readonly onClosed = this.closing.event;

  get queuedBytes(): number {
    return this.queue.reduce((sum, { length }) => sum + length, 0);
  }

  send(message: Uint8Array): void {
    if (this.closed) return;
    if (message.length > this.maxMessageBytes) throw new Error(`a message of ${message.length} bytes`);
    this.queue.push(message);
    this.sent.push(message);
    if (this.automatic) setImmediate(() => this.deliver());
  }

  /** Brings the oldest message to the other end; false when there is none. */
  deliver(): boolean {
    const before = this.queuedBytes;
    const message = this.queue.shift();
    if (!message) return false;
    this.peer.message.fire(message);
    if (before > this.lowWaterBytes && this.queuedBytes <= this.lowWaterBytes) this.low.fire();
    return true;
  }

  /** As if it came from the other end. */
  inject(message: Uint8Array): void {
    this.message.fire(message);
  }

  close(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    // What was sent before arrives before, as over any ordered path.
    while (this.automatic && this.deliver());
    this.closing.fire(error);
    setImmediate(() => this.peer.closeByPeer());
  }

  private closeByPeer(): void {
    if (this.closed) return;
    this.closed = true;
    this.closing.fire(new Error('closed by the other end'));
  }
}
