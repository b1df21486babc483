import type { Pipe } from '../transport/transport.ts';
import type { BandwidthShare } from './bandwidth.ts';
import { FrameParser } from './frame-parser.ts';
import { controlFrame } from './resume-wire.ts';
import type { Counter } from './traffic.ts';

/** How long an orderly close may take to leave the machine before the transport is cut. */
const LINGER_MS = 2_000;

export interface CarrierHandler {
  /** Bytes of the other side's SSH stream, beginning at position `at` of it. */
  data(bytes: Buffer, at: number): void;
  /** A throw cuts the transport. */
  control(type: number, value: number): void;
  /** A chunk has been dealt with. */
  heard(): void;
  /** The transport takes more again. */
  drained(): void;
  /** It has dropped, or what came by it made no sense. Once, and never after `cut` or `leave`. */
  lost(error?: Error): void;
}

/** The frames of one link on one transport. */
export class Carrier {
  readonly pipe: Pipe;
  private readonly handler: CarrierHandler;
  private counter: Counter;
  private readonly share: BandwidthShare | undefined;
  private held = false;
  /** Control frames that wait for the transport to take more: the last of each type. */
  private readonly owed = new Map<number, number>();
  private over = false;

  /** Nothing is read before `start`. */
  constructor(pipe: Pipe, handler: CarrierHandler, counter: Counter, share?: BandwidthShare) {
    this.pipe = pipe;
    this.handler = handler;
    this.counter = counter;
    this.share = share;
  }

  /** True when the transport has as much as it takes at present. */
  get isFull(): boolean {
    return this.pipe.stream.writableNeedDrain;
  }

  /** True between `hold` and `release`. */
  get isHeld(): boolean {
    return this.held;
  }

  /** Counts what goes and comes from now on there. */
  countFor(counter: Counter): void {
    this.counter = counter;
  }

  /** Begins to read; `at` is the position in the SSH stream of the first byte that will come. */
  start(at: number): void {
    const { stream } = this.pipe;
    const parser = new FrameParser({
      data: (bytes) => {
        this.handler.data(bytes, at);
        at += bytes.length;
      },
      control: (type, value) => this.handler.control(type, value),
    });
    stream.on('data', (chunk: Buffer) => this.receive(chunk, parser));
    stream.on('drain', () => this.drained());
    stream.on('error', (error: Error) => this.lose(error));
    stream.on('end', () => this.lose());
    stream.on('close', () => this.lose());
    stream.resume();
    if (stream.destroyed) setImmediate(() => this.lose());
  }

  send(frame: Buffer): void {
    this.counter.sent += frame.length;
    this.share?.sent(frame.length);
    this.pipe.stream.write(frame);
  }

  /** Sends a control frame, at once or when the transport takes more: a peer that asks and never reads makes nothing grow here. */
  control(type: number, value: number): void {
    if (this.isFull) this.owed.set(type, value);
    else this.send(controlFrame(type, value));
  }

  /** Reads nothing until `release`. */
  hold(): void {
    this.held = true;
    this.pipe.stream.pause();
  }

  release(): void {
    if (!this.held || this.over) return;
    this.held = false;
    this.pipe.stream.resume();
  }

  /** Destroys the transport. */
  cut(): void {
    this.over = true;
    this.pipe.stream.destroy();
  }

  /** Lets the last bytes (a disconnect message, as a rule) leave, then ends the transport whatever the other side does. */
  leave(): void {
    this.over = true;
    const { stream } = this.pipe;
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

  private receive(chunk: Buffer, parser: FrameParser): void {
    if (this.over) return;
    this.counter.received += chunk.length;
    try {
      parser.push(chunk);
    } catch (error) {
      return this.lose(error as Error);
    }
    if (!this.isOver()) this.handler.heard();
  }

  /** Handlers may have cut the transport meanwhile, which the compiler does not know. */
  private isOver(): boolean {
    return this.over;
  }

  private drained(): void {
    if (this.over) return;
    for (const [type, value] of this.owed) this.send(controlFrame(type, value));
    this.owed.clear();
    this.handler.drained();
  }

  private lose(error?: Error): void {
    if (this.over) return;
    this.cut();
    this.handler.lost(error);
  }
}
