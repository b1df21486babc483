import type { WebSocket } from 'ws';
import { MAX_UNDER_WAY_BYTES } from '../extension/src/p2p/signaling/wire/messages.ts';
import type { ServerLimits } from './options.ts';

/** Something whose reading can be stopped; `release` undoes one `hold`. */
export interface Holdable {
  hold(): void;
  release(): void;
}

/** Who relays to a client. */
export interface Sender {
  /** Its connection, which may carry other relays too. */
  readonly inbound: Holdable;
  /** It is asked to send no more here for now, */
  pause(): void;
  /** and to go on. */
  resume(): void;
}

/**
 * As much as the socket is given at once. What it has, it reports as written only all together: with more, a slow client that reads
 * all the time would look like one that does not.
 */
const WRITE_BYTES = 64 * 1024;
/** What a message takes beside its text, roughly. */
const MESSAGE_OVERHEAD = 64;
/** Of what may wait for a client, all its senders together: the rest is for what comes in one piece before a connection is held. */
const SENDERS_PART = 3 / 4;

interface Message {
  readonly data: string | Buffer;
  readonly binary: boolean;
  readonly bytes: number;
  readonly from: Holdable | undefined;
}

/**
 * What goes to one client. A client that reads slower than others send must cost the server neither memory nor the patience of
 * others. Above the pause mark whoever relays to it is asked to pause, so that their other relays go on: a sender that keeps to it has
 * no more under way than `MAX_UNDER_WAY_BYTES`. One that has more waiting here, or more than its share where many send, is not read. The
 * client is dropped above the drop mark, and when nothing gets through to it for long although the pause mark is passed.
 */
export class Outbound {
  private readonly socket: WebSocket;
  private readonly limits: ServerLimits;
  private readonly onTooSlow: () => void;
  private readonly queue: Message[] = [];
  /** Bytes in the queue, by the connection that they came from. */
  private readonly waitingOf = new Map<Holdable, number>();
  private readonly paused = new Set<Sender>();
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

  /** Sends without a copy. `from` is slowed down while too much waits here. */
  send(data: string | Buffer, binary: boolean, from?: Sender): void {
    if (this.closed) return;
    const bytes = Buffer.byteLength(data) + MESSAGE_OVERHEAD;
    this.queue.push({ data, binary, bytes, from: from?.inbound });
    this.waitingBytes += bytes;
    if (from !== undefined) this.waitingOf.set(from.inbound, (this.waitingOf.get(from.inbound) ?? 0) + bytes);
    this.write(WRITE_BYTES);
    const { slowConsumerPauseBytes, slowConsumerDropBytes, slowConsumerDropMs } = this.limits;
    if (this.waitingBytes <= slowConsumerPauseBytes) return;
    if (this.waitingBytes > slowConsumerDropBytes) return this.onTooSlow();
    this.stuck ??= setTimeout(this.onTooSlow, slowConsumerDropMs);
    if (from !== undefined) this.slowDown(from);
  }

  /** Nobody waits for this client any longer. What was sent is still given to the socket, unless that is `broken`. */
  close({ broken }: { readonly broken: boolean }): void {
    if (this.closed) return;
    if (!broken) this.write(Infinity);
    this.closed = true;
    clearTimeout(this.stuck);
    this.queue.length = 0;
    this.waitingBytes = 0;
    this.waitingOf.clear();
    this.letAllGoOn();
  }

  private slowDown(from: Sender): void {
    if (!this.paused.has(from)) {
      this.paused.add(from);
      from.pause();
    }
    const { inbound } = from;
    const share = (this.limits.slowConsumerDropBytes * SENDERS_PART) / this.waitingOf.size;
    const waiting = this.waitingOf.get(inbound) ?? 0;
    if (waiting <= Math.min(MAX_UNDER_WAY_BYTES, share) || this.held.has(inbound)) return;
    this.held.add(inbound);
    inbound.hold();
  }

  private write(mostBytes: number): void {
    while (this.writingBytes < mostBytes) {
      const message = this.queue.shift();
      if (message === undefined) return;
      const { data, binary, bytes } = message;
      this.writingBytes += bytes;
      this.socket.send(data, { binary }, () => this.written(message));
    }
  }

  private written({ bytes, from }: Message): void {
    if (this.closed) return;
    this.writingBytes -= bytes;
    this.waitingBytes -= bytes;
    if (from !== undefined) this.forget(from, bytes);
    this.stuck?.refresh();
    this.write(WRITE_BYTES);
    // Half of the mark, so that its senders are not stopped and started for every frame.
    if (this.waitingBytes > this.limits.slowConsumerPauseBytes / 2) return;
    clearTimeout(this.stuck);
    this.stuck = undefined;
    this.letAllGoOn();
  }

  private forget(from: Holdable, bytes: number): void {
    const left = (this.waitingOf.get(from) ?? 0) - bytes;
    if (left > 0) this.waitingOf.set(from, left);
    else this.waitingOf.delete(from);
  }

  private letAllGoOn(): void {
    for (const inbound of this.held) inbound.release();
    this.held.clear();
    for (const sender of this.paused) sender.resume();
    this.paused.clear();
  }
}
