import type { Stream as SshStream } from '@microsoft/dev-tunnels-ssh';
import { Emitter } from '../../shared/events.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Pipe, Route } from '../transport/transport.ts';
import type { BandwidthShare } from './bandwidth.ts';
import { Carrier } from './carrier.ts';
import { Inbox } from './inbox.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import { FRAME_ACK, FRAME_PING, FRAME_PONG, MAX_FRAME_BYTES } from './resume-wire.ts';
import { TrafficLedger, type Traffic } from './traffic.ts';

/**
 * Sent and not acknowledged; past it producers of data wait (LI7). More than an exec channel's window, so that it does not throttle one,
 * and so much less than 2 MB that a lost transport never costs more to send again: each channel may be on its way with one more piece.
 */
const REPLAY_LIMIT_BYTES = 1.5 * 1024 * 1024;
/**
 * Where even SSH's own messages wait. They must pass long after data has stopped: the SSH library answers requests inside its receive
 * loop, and two loops that wait for room, each the only one that could make some, would wait for ever. Only a peer that asks and
 * never reads the answers gets here.
 */
const HARD_LIMIT_BYTES = 4 * 1024 * 1024;
/** An acknowledgement for so many bytes received: a few a megabyte, and far below the limit so that the sender never waits for one. */
const ACK_EVERY_BYTES = 128 * 1024;
/** Arrived and not yet read by SSH: past the first number the transport is paused, below the second it goes on. */
const INBOX_HIGH_BYTES = 256 * 1024;
const INBOX_LOW_BYTES = 64 * 1024;

export interface ResumableStreamOptions {
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
  readonly share?: BandwidthShare | undefined;
}

/**
 * The byte stream under one SSH session. It outlives transports: `attach` puts it on one, and when that one drops, what the other side
 * has not acknowledged is sent again on the next (LI3, LI4). SSH never notices; it only waits.
 *
 * `write` never rejects and `read` ends with null: the SSH library turns a rejected write into an unhandled rejection, which ends the process.
 */
export class ResumableStream implements SshStream {
  private readonly closedEmitter = new Emitter<{ error?: Error }>();
  private readonly attachedEmitter = new Emitter<Pipe>();
  private readonly reroutedEmitter = new Emitter<Pipe>();
  private readonly lostEmitter = new Emitter<Error | undefined>();
  private readonly rttEmitter = new Emitter<number>();
  private readonly replay = new ReplayBuffer();
  private readonly now: () => number;
  /** Its part of the engine's bandwidth, where that is limited. */
  readonly share: BandwidthShare | undefined;
  private readonly ledger = new TrafficLedger();

  private carrier: Carrier | undefined;
  private ended = false;
  private readonly inbox = new Inbox();
  private reader: (() => void) | undefined;
  private writers: (() => void)[] = [];
  private arrived = 0;
  private acknowledged = 0;
  private ping: { readonly token: number; readonly sentAt: number } | undefined;
  private pings = 0;
  private answerCount = 0;
  /** Position after the last byte that was ever given to a transport. */
  private gone = 0;
  private resent = 0;

  constructor({ now = () => performance.now(), share }: ResumableStreamOptions = {}) {
    this.now = now;
    this.share = share;
  }

  readonly closed = this.closedEmitter.event;
  /** The stream goes on over another transport. */
  readonly onAttached = this.attachedEmitter.event;
  /** The transport itself has found another route. */
  readonly onRerouted = this.reroutedEmitter.event;
  /** The transport dropped; the stream waits for `attach` or `close`. */
  readonly onLost = this.lostEmitter.event;
  /** Milliseconds of each answered `sendPing`. */
  readonly onRtt = this.rttEmitter.event;

  get isDisposed(): boolean {
    return this.ended;
  }

  get current(): Pipe | undefined {
    return this.carrier?.pipe;
  }

  /** Position up to which the SSH bytes of the other side have arrived. */
  get received(): number {
    return this.arrived;
  }

  /** Position up to which the other side is known to have ours. */
  get acknowledgedByPeer(): number {
    return this.replay.acknowledged;
  }

  get unacknowledged(): number {
    return this.replay.unacknowledged;
  }

  /** Counts what only a peer can say that hears us: answers to pings, acknowledgements. */
  get answers(): number {
    return this.answerCount;
  }

  /** True while we read nothing from the transport, for want of room. */
  get isHeld(): boolean {
    return this.carrier?.isHeld ?? false;
  }

  /** All that went to and came from transports, framing included. */
  get traffic(): Traffic {
    return this.ledger.total;
  }

  get trafficByRoute(): ReadonlyMap<Route, Traffic> {
    return this.ledger.byRoute;
  }

  /** Bytes of the SSH stream that were given to a transport more than once. */
  get bytesResent(): number {
    return this.resent;
  }

  /**
   * Goes on over `pipe`; a transport still in use is cut. `theirs` is the position of our stream to go on from, which the other side has
   * received and agreed to; `ours` the position of theirs that they go on from. What arrived before is skipped.
   * Throws `link-lost`, and stays as it was, when one of the two is not a position that can be gone back to.
   */
  attach(pipe: Pipe, theirs = 0, ours = 0): void {
    if (this.ended) {
      pipe.stream.destroy();
      return;
    }
    const frames = this.replay.from(theirs);
    if (!frames || ours > this.arrived)
      throw new PeerweaveError('link-lost', 'The two sides disagree on what was sent.');
    this.drop();
    this.replay.acknowledge(theirs);
    this.acknowledged = ours;
    this.ping = undefined;
    const carrier = this.carry(pipe);
    this.carrier = carrier;
    carrier.start(ours);
    this.resent += Math.max(0, this.gone - theirs);
    for (const frame of frames) this.sendData(carrier, frame);
    if (this.inbox.bytes >= INBOX_HIGH_BYTES) carrier.hold();
    this.wake();
    this.attachedEmitter.fire(pipe);
  }

  /** Cuts the transport; the stream waits for another as if it had dropped by itself. */
  detach(reason: Error): void {
    if (this.drop()) this.lostEmitter.fire(reason);
  }

  /** Measures the round trip; the answer comes by `onRtt`. */
  sendPing(): void {
    if (!this.carrier) return;
    this.pings += 1;
    this.ping = { token: this.pings, sentAt: this.now() };
    this.carrier.control(FRAME_PING, this.pings);
  }

  async read(count: number): Promise<Buffer | null> {
    if (this.inbox.bytes === 0 && !this.ended) await new Promise<void>((resolve) => (this.reader = resolve));
    const data = this.inbox.take(count);
    if (this.inbox.bytes <= INBOX_LOW_BYTES) this.carrier?.release();
    return data ?? null;
  }

  async write(data: Buffer): Promise<void> {
    // A frame's limit is above the library's largest packet, so the loop runs once; it is here so that the limit holds regardless.
    for (let offset = 0; offset < data.length; offset += MAX_FRAME_BYTES) {
      if (this.isDisposed) return;
      const frame = this.replay.append(data.subarray(offset, offset + MAX_FRAME_BYTES));
      if (this.carrier) this.sendData(this.carrier, frame);
      while (this.replay.unacknowledged > HARD_LIMIT_BYTES) await this.change();
    }
  }

  /**
   * Resolves to how many of `wanted` bytes of data may be written now, once any may; whoever produces data asks before each piece. Who is
   * `urgent` waits for room, and for no share of the bandwidth.
   */
  async room(wanted = MAX_FRAME_BYTES, urgent = false): Promise<number> {
    while (this.isFull()) await this.change();
    const granted = urgent ? undefined : await this.share?.room(wanted);
    while (this.isFull()) await this.change();
    return granted ?? wanted;
  }

  /** Sends what was written, then ends the transport. Nothing can be attached any more. */
  async close(error?: Error): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    const carrier = this.carrier;
    this.carrier = undefined;
    carrier?.leave();
    this.share?.close();
    this.replay.clear();
    this.wake();
    this.wakeReader();
    this.closedEmitter.fire(error ? { error } : {});
  }

  dispose(): void {
    void this.close();
  }

  private isFull(): boolean {
    if (this.ended) return false;
    return this.replay.unacknowledged > REPLAY_LIMIT_BYTES || (this.carrier?.isFull ?? false);
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.writers.push(resolve));
  }

  private wake(): void {
    const writers = this.writers;
    this.writers = [];
    for (const writer of writers) writer();
  }

  private sendData(carrier: Carrier, frame: Buffer): void {
    this.gone = Math.max(this.gone, this.replay.sent);
    carrier.send(frame);
  }

  /** True when there was a transport to cut. */
  private drop(): boolean {
    const carrier = this.carrier;
    if (!carrier) return false;
    this.carrier = undefined;
    carrier.cut();
    this.wake();
    return true;
  }

  private carry(pipe: Pipe): Carrier {
    const carrier: Carrier = new Carrier(
      pipe,
      {
        data: (bytes, at) => {
          const repeated = Math.min(bytes.length, Math.max(0, this.arrived - at));
          if (repeated < bytes.length) this.deliver(bytes.subarray(repeated));
        },
        control: (type, value) => this.control(carrier, type, value),
        heard: () => {
          this.acknowledge(carrier, ACK_EVERY_BYTES);
          if (this.inbox.bytes >= INBOX_HIGH_BYTES) carrier.hold();
        },
        drained: () => this.wake(),
        lost: (error) => {
          if (this.carrier !== carrier) return;
          this.drop();
          this.lostEmitter.fire(error);
        },
      },
      this.ledger.of(pipe.route),
      this.share,
    );
    pipe.onRoute?.(() => {
      if (this.carrier !== carrier) return;
      carrier.countFor(this.ledger.of(pipe.route));
      this.reroutedEmitter.fire(pipe);
    });
    return carrier;
  }

  private control(carrier: Carrier, type: number, value: number): void {
    if (type === FRAME_PING) {
      // Whoever asks wants to know how things stand; after it a quiet link holds nothing for replay.
      this.acknowledge(carrier, 1);
      carrier.control(FRAME_PONG, value);
    } else if (type === FRAME_ACK) {
      if (!this.replay.acknowledge(value)) throw new Error('acknowledgement of bytes that were never sent');
      this.answerCount += 1;
      this.wake();
    } else if (type === FRAME_PONG && this.ping?.token === value) {
      const rtt = this.now() - this.ping.sentAt;
      this.ping = undefined;
      this.answerCount += 1;
      this.rttEmitter.fire(rtt);
    }
  }

  private deliver(bytes: Buffer): void {
    this.arrived += bytes.length;
    this.inbox.push(bytes);
    this.wakeReader();
  }

  private wakeReader(): void {
    const reader = this.reader;
    this.reader = undefined;
    reader?.();
  }

  /** Tells the other side what has arrived, when that is at least `bytes` more than it knows. */
  private acknowledge(carrier: Carrier, bytes: number): void {
    if (this.arrived - this.acknowledged < bytes) return;
    this.acknowledged = this.arrived;
    carrier.control(FRAME_ACK, this.arrived);
  }
}
