import type { WebSocket } from 'ws';
import type { ServerLimits } from './options.ts';

/** Something whose reading can be stopped; `release` undoes one `hold`. */
export interface Holdable {
  hold(): void;
  release(): void;
}

/**
 * What goes to one client. A client that reads slower than others send must cost the server neither memory nor the patience of
 * others: above the pause mark whoever relays to it is not read; it is dropped above the drop mark, or when it stays above the
 * pause mark for long although nobody sends any more.
 */
export class Outbound {
  private readonly socket: WebSocket;
  private readonly limits: ServerLimits;
  private readonly onTooSlow: () => void;
  private readonly held = new Set<Holdable>();
  private slowSince: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(socket: WebSocket, limits: ServerLimits, onTooSlow: () => void) {
    this.socket = socket;
    this.limits = limits;
    this.onTooSlow = onTooSlow;
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  /** Sends without a copy. `from` is held while too much waits here. */
  send(data: string | Buffer, binary: boolean, from?: Holdable): void {
    if (this.closed) return;
    this.socket.send(data, { binary }, this.flushed);
    const queued = this.queuedBytes;
    if (queued <= this.limits.slowConsumerPauseBytes) return;
    if (queued > this.limits.slowConsumerDropBytes) return this.onTooSlow();
    this.slowSince ??= setTimeout(this.onTooSlow, this.limits.slowConsumerDropMs);
    if (from === undefined || this.held.has(from)) return;
    this.held.add(from);
    from.hold();
  }

  /** Nothing more is sent, and nobody waits for this client any longer. */
  close(): void {
    this.closed = true;
    clearTimeout(this.slowSince);
    this.releaseAll();
  }

  private readonly flushed = (): void => {
    if (this.slowSince === undefined || this.closed) return;
    // Half of the mark, so that its senders are not stopped and started for every frame.
    if (this.queuedBytes > this.limits.slowConsumerPauseBytes / 2) return;
    clearTimeout(this.slowSince);
    this.slowSince = undefined;
    this.releaseAll();
  };

  private releaseAll(): void {
    for (const sender of this.held) sender.release();
    this.held.clear();
  }
}
