import type { Stream as SshStream } from '@microsoft/dev-tunnels-ssh';
import { Emitter } from '../../shared/events.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Pipe } from '../transport/transport.ts';
import { FrameParser } from './frame-parser.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import { controlFrame, FRAME_ACK, FRAME_PING, FRAME_PONG, MAX_FRAME_BYTES } from './resume-wire.ts';

/** Sent and not acknowledged; past it producers of data wait (LI7). Twice an exec channel's window, so that it never throttles one. */
const REPLAY_LIMIT_BYTES = 2 * 1024 * 1024;
/**
 * Where even SSH's own messages wait. They must pass long after data has stopped: the SSH library answers requests inside its receive
 * loop, and two loops that wait for room, each the only one that could make some, would wait for ever. Only a peer that asks and
 * never reads the answers gets here.
 */
const HARD_LIMIT_BYTES = 2 * REPLAY_LIMIT_BYTES;
/** An acknowledgement for so many bytes received: a few a megabyte, and far below the limit so that the sender never waits for one. */
const ACK_EVERY_BYTES = 128 * 1024;
/** Arrived and not yet read by SSH: past the first number the transport is paused, below the second it goes on. */
const INBOX_HIGH_BYTES = 256 * 1024;
const INBOX_LOW_BYTES = 64 * 1024;
/** How long an orderly close may take to leave the machine before the transport is cut. */
const LINGER_MS = 2_000;

/**
 * The byte stream under one SSH session. It outlives transports: `attach` puts it on one, and when that one drops, what the other side
 * has not acknowledged is sent again on the next (LI3, LI4). SSH never notices; it only waits.
 *
 * `write` never rejects and `read` ends with null: the SSH library turns a rejected write into an unhandled rejection, which ends the process.
 */
export class ResumableStream implements SshStream {
  private readonly closedEmitter = new Emitter<{ error?: Error }>();
  private readonly lostEmitter = new Emitter<Error | undefined>();
  private readonly rttEmitter = new Emitter<number>();
  private readonly replay = new ReplayBuffer();
  private readonly now: () => number;

  private pipe: Pipe | undefined;
  private ended = false;
  private inbox: Buffer[] = [];
  private inboxBytes = 0;
  private paused = false;
  private reader: ((data: Buffer | null) => void) | undefined;
  private writers: (() => void)[] = [];
  private arrived = 0;
  private acknowledged = 0;
  private ping: { token: number; sentAt: number } | undefined;
  private pings = 0;
  private sentBytes = 0;
  private receivedBytes = 0;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  readonly closed = this.closedEmitter.event;
  /** The transport dropped; the stream waits for `attach` or `close`. */
  readonly onLost = this.lostEmitter.event;
  /** Milliseconds of each answered `sendPing`. */
  readonly onRtt = this.rttEmitter.event;

  get isDisposed(): boolean {
    return this.ended;
  }

  get current(): Pipe | undefined {
    return this.pipe;
  }

  /** Position up to which the SSH bytes of the other side have arrived. */
  get received(): number {
    return this.arrived;
  }

  /** All that went to and came from transports, framing included. */
  get traffic(): { readonly sent: number; readonly received: number } {
    return { sent: this.sentBytes, received: this.receivedBytes };
  }

  /**
   * Goes on over `pipe`; a transport still in use is cut. `theirs` is what the other side had received when it agreed, `ours` what we had
   * told it we have: anything that still came by the old transport after that is about to be sent again, and is skipped.
   * Throws `link-lost`, and stays as it was, when `theirs` is not a position that can be gone back to.
   */
  attach(pipe: Pipe, theirs = 0, ours = 0): void {
    if (this.ended) {
      pipe.stream.destroy();
      return;
    }
    const frames = this.replay.from(theirs);
    if (!frames) throw new PeerweaveError('link-lost', 'The two sides disagree on what was sent.');
    this.drop();
    this.replay.acknowledge(theirs);
    this.acknowledged = ours;
    this.paused = false;
    this.ping = undefined;
    this.pipe = pipe;
    this.listen(pipe, ours);
    for (const frame of frames) this.send(pipe, frame);
    if (this.inboxBytes >= INBOX_HIGH_BYTES) this.pause(pipe);
    this.wake();
  }

  /** Cuts the transport; the stream waits for another as if it had dropped by itself. */
  detach(reason: Error): void {
    if (this.drop()) this.lostEmitter.fire(reason);
  }

  /** Measures the round trip; the answer comes by `onRtt`. */
  sendPing(): void {
    if (!this.pipe || this.pipe.stream.writableNeedDrain) return;
    this.pings += 1;
    this.ping = { token: this.pings, sentAt: this.now() };
    this.send(this.pipe, controlFrame(FRAME_PING, this.pings));
  }

  async read(count: number): Promise<Buffer | null> {
    const first = this.inbox[0];
    if (!first) {
      if (this.ended) return null;
      return new Promise((resolve) => {
        this.reader = (data) => resolve(data && this.take(data, count));
      });
    }
    return this.take(first, count);
  }

  async write(data: Buffer): Promise<void> {
    // A frame's limit is above the library's largest packet, so the loop runs once; it is here so that the limit holds regardless.
    for (let offset = 0; offset < data.length; offset += MAX_FRAME_BYTES) {
      if (this.isDisposed) return;
      const frame = this.replay.append(data.subarray(offset, offset + MAX_FRAME_BYTES));
      if (this.pipe) this.send(this.pipe, frame);
      while (this.replay.unacknowledged > HARD_LIMIT_BYTES) await this.change();
    }
  }

  /** Resolves when there is room for more data; whoever produces data asks before each piece. */
  async room(): Promise<void> {
    while (this.isFull()) await this.change();
  }

  /** Sends what was written, then ends the transport. Nothing can be attached any more. */
  async close(error?: Error): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    const pipe = this.pipe;
    this.pipe = undefined;
    if (pipe) linger(pipe);
    this.replay.clear();
    this.wake();
    this.reader?.(null);
    this.reader = undefined;
    this.closedEmitter.fire(error ? { error } : {});
  }

  dispose(): void {
    void this.close();
  }

  private isFull(): boolean {
    if (this.ended) return false;
    return this.replay.unacknowledged > REPLAY_LIMIT_BYTES || (this.pipe?.stream.writableNeedDrain ?? false);
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.writers.push(resolve));
  }

  private wake(): void {
    const writers = this.writers;
    this.writers = [];
    for (const writer of writers) writer();
  }

  private send(pipe: Pipe, frame: Buffer): void {
    this.sentBytes += frame.length;
    pipe.stream.write(frame);
  }

  /** True when there was a transport to cut. */
  private drop(): boolean {
    const pipe = this.pipe;
    if (!pipe) return false;
    this.pipe = undefined;
    pipe.stream.destroy();
    this.wake();
    return true;
  }

  private listen(pipe: Pipe, from: number): void {
    const { stream } = pipe;
    let at = from;
    const parser = new FrameParser({
      data: (bytes) => {
        const repeated = Math.min(bytes.length, Math.max(0, this.arrived - at));
        at += bytes.length;
        if (repeated < bytes.length) this.deliver(bytes.subarray(repeated));
      },
      control: (type, value) => this.control(pipe, type, value),
    });
    const isCurrent = (): boolean => this.pipe === pipe;
    const lost = (error?: Error): void => {
      if (!isCurrent()) return;
      this.drop();
      this.lostEmitter.fire(error);
    };
    stream.on('data', (chunk: Buffer) => {
      if (!isCurrent()) return;
      this.receivedBytes += chunk.length;
      try {
        parser.push(chunk);
      } catch (error) {
        return lost(error as Error);
      }
      if (isCurrent()) this.acknowledge(pipe);
      if (isCurrent() && this.inboxBytes >= INBOX_HIGH_BYTES) this.pause(pipe);
    });
    stream.on('drain', () => isCurrent() && this.wake());
    stream.on('error', lost);
    stream.on('end', () => lost());
    stream.on('close', () => lost());
    stream.resume();
    if (stream.destroyed) setImmediate(lost);
  }

  private control(pipe: Pipe, type: number, value: number): void {
    if (type === FRAME_ACK) {
      if (!this.replay.acknowledge(value)) throw new Error('acknowledgement of bytes that were never sent');
      this.wake();
    } else if (type === FRAME_PING) {
      // A peer that asks without reading the answers gets none, so that they cannot pile up here.
      if (!pipe.stream.writableNeedDrain) this.send(pipe, controlFrame(FRAME_PONG, value));
    } else if (type === FRAME_PONG && this.ping?.token === value) {
      const rtt = this.now() - this.ping.sentAt;
      this.ping = undefined;
      this.rttEmitter.fire(rtt);
    }
  }

  private deliver(bytes: Buffer): void {
    this.arrived += bytes.length;
    this.inbox.push(bytes);
    this.inboxBytes += bytes.length;
    const reader = this.reader;
    this.reader = undefined;
    reader?.(bytes);
  }

  private acknowledge(pipe: Pipe): void {
    if (this.arrived - this.acknowledged < ACK_EVERY_BYTES) return;
    this.acknowledged = this.arrived;
    this.send(pipe, controlFrame(FRAME_ACK, this.arrived));
  }

  /** Takes up to `count` bytes off the front of the inbox. */
  private take(first: Buffer, count: number): Buffer {
    const data = first.subarray(0, count);
    if (data.length === first.length) this.inbox.shift();
    else this.inbox[0] = first.subarray(count);
    this.inboxBytes -= data.length;
    if (this.paused && this.inboxBytes <= INBOX_LOW_BYTES) {
      this.paused = false;
      this.pipe?.stream.resume();
    }
    return data;
  }

  private pause(pipe: Pipe): void {
    this.paused = true;
    pipe.stream.pause();
  }
}

/** Lets the last bytes (a disconnect message, as a rule) leave, then ends the transport whatever the other side does. */
function linger({ stream }: Pipe): void {
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  timer.unref();
  stream.removeAllListeners('data');
  stream.on('close', () => clearTimeout(timer));
  stream.on('error', () => undefined);
  stream.on('end', () => stream.destroy());
  // Unread input at close makes TCP send a reset, which can overtake and destroy what we sent last.
  stream.resume();
  stream.end();
}
