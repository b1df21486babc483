import type { WebSocket } from 'ws';
import type { ServerLimits } from './options.ts';

/** Something whose reading can be stopped; `release` undoes one `hold`. */
export interface Holdable {
  hold(): void;
  release(): void;
}

/**
 * As much as the socket is given at once. What it has, it reports as written only all together: with more, a slow client that reads
 * all the time would look like one that does not.
 */
const WRITE_BYTES = 64 * 1024;
/** What a message takes beside its text, roughly. */
const MESSAGE_OVERHEAD = 64;

interface Message {
  readonly data: string | Buffer;
  readonly binary: boolean;
  readonly bytes: number;
}

/**
 * What goes to one client. A client that reads slower than others send must cost the server neither memory nor the patience of
 * others: above the pause mark whoever relays to it is not read; it is dropped above the drop mark, and when nothing gets through to it
 * for long although that much waits.
 */
export class Outbound {
  private readonly socket: WebSocket;
  private readonly limits: ServerLimits;
  private readonly onTooSlow: () => void;
  private readonly queue: Message[] = [];
  private readonly held = new Set<Holdable>();
  private writingBytes = 0;
  private waitingBytes = 0;
  private stuck: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(socket: WebSocket, limits: ServerLimits, onTooSlow: () => void) {
    this.socket = socket;
    this.limits = limits;
    this.onTooSlow = onTooSlow;
  }

  /** What was sent and is still in this process. */
  get queuedBytes(): number {
    return this.waitingBytes;
  }

  /** Sends without a copy. `from` is held while too much waits here. */
  send(data: string | Buffer, binary: boolean, from?: Holdable): void {
    if (this.closed) return;
    const bytes = Buffer.byteLength(data) + MESSAGE_OVERHEAD;
    this.queue.push({ data, binary, bytes });
    this.waitingBytes += bytes;
    this.write(WRITE_BYTES);
    const { slowConsumerPauseBytes, slowConsumerDropBytes, slowConsumerDropMs } = this.limits;
    if (this.waitingBytes <= slowConsumerPauseBytes) return;
    if (this.waitingBytes > slowConsumerDropBytes) return this.onTooSlow();
    this.stuck ??= setTimeout(this.onTooSlow, slowConsumerDropMs);
    if (from === undefined || this.held.has(from)) return;
    this.held.add(from);
    from.hold();
  }

  /** Nobody waits for this client any longer. What was sent is still given to the socket, unless that is `broken`. */
  close({ broken }: { readonly broken: boolean }): void {
    if (this.closed) return;
    if (!broken) this.write(Infinity);
    this.closed = true;
    clearTimeout(this.stuck);
    this.queue.length = 0;
    this.waitingBytes = 0;
    this.releaseAll();
  }

  private write(mostBytes: number): void {
    while (this.writingBytes < mostBytes) {
      const message = this.queue.shift();
      if (message === undefined) return;
      const { data, binary, bytes } = message;
      this.writingBytes += bytes;
      this.socket.send(data, { binary }, () => this.written(bytes));
    }
  }

  private written(bytes: number): void {
    if (this.closed) return;
    this.writingBytes -= bytes;
    this.waitingBytes -= bytes;
    this.stuck?.refresh();
    this.write(WRITE_BYTES);
    // Half of the mark, so that its senders are not stopped and started for every frame.
    if (this.waitingBytes > this.limits.slowConsumerPauseBytes / 2) return;
    clearTimeout(this.stuck);
    this.stuck = undefined;
    this.releaseAll();
  }

  private releaseAll(): void {
    for (const sender of this.held) sender.release();
    this.held.clear();
  }
}
