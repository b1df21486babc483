import { DisposableStore } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { FrameChannel } from './frame-channel.ts';
import type { MessagePort } from './message-port.ts';
import { corrupt, helloFrame, MeetingSeal, openHello, SEAL_BYTES, type MeetingEnds } from './relay-seal.ts';

/** A frame goes through the server twice in this time on any path that is of use. */
const PROBE_MS = 5_000;
const HELLO = 0;
const CONFIRM = 1;

export interface SealedPortOptions {
  readonly ends: MeetingEnds;
  /** `SALT_BYTES` that were never used before. */
  readonly salt: Uint8Array;
  /** Milliseconds from when both sides are there until the channel has shown that it carries frames. */
  readonly probeMs?: number;
}

/**
 * A message port over the frames of a meeting, which it seals and numbers. Once both sides are there:
 *
 *     → hello      ← hello          frame 0, a probe of what the way lets through
 *     → confirm    ← confirm        frame 1, empty and sealed: the other's hello has arrived, and is not an old one
 *
 * `onOpen` fires at the other side's confirm, in whose turn more messages may follow. Closes with `unreachable` when nothing comes through in
 * time, and with `transport-corrupt` at the first frame that is not the next one of the other side, just as it was sent.
 */
export class SealedPort implements MessagePort {
  readonly maxMessageBytes: number;
  readonly lowWaterBytes: number;
  private readonly channel: FrameChannel;
  private readonly options: SealedPortOptions;
  private readonly subscriptions = new DisposableStore();
  private readonly openEmitter = new Emitter<void>();
  private readonly messageEmitter = new Emitter<Uint8Array>();
  private readonly closedEmitter = new Emitter<Error | undefined>();
  private seal: MeetingSeal | undefined;
  private nextOut = 0;
  private nextIn = 0;
  private closed = false;
  private probe: NodeJS.Timeout | undefined;

  constructor(channel: FrameChannel, options: SealedPortOptions) {
    this.channel = channel;
    this.options = options;
    this.maxMessageBytes = channel.maxFrameBytes - SEAL_BYTES;
    this.lowWaterBytes = channel.lowWaterBytes;
    this.onLow = channel.onLow;
    this.subscriptions.add(channel.onReady(() => this.greet()));
    this.subscriptions.add(channel.onFrame((frame) => this.receive(frame.sequence, frame.data)));
    this.subscriptions.add(channel.onClosed((error) => this.end(error)));
  }

  readonly onLow: MessagePort['onLow'];
  readonly onOpen = this.openEmitter.event;
  readonly onMessage = this.messageEmitter.event;
  readonly onClosed = this.closedEmitter.event;

  get queuedBytes(): number {
    return this.channel.queuedBytes;
  }

  get windowBytes(): number {
    return this.channel.windowBytes;
  }

  send(message: Uint8Array): void {
    if (this.closed || !this.seal) return;
    this.channel.send(this.nextOut, this.seal.seal(this.nextOut, message));
    this.nextOut += 1;
  }

  close(): void {
    this.end(undefined);
  }

  private greet(): void {
    this.channel.send(HELLO, [helloFrame(this.options.ends, this.options.salt)]);
    this.nextOut = CONFIRM;
    const { probeMs = PROBE_MS } = this.options;
    this.probe = setTimeout(
      () =>
        this.end(new PeerweaveError('unreachable', `What is relayed does not come through: nothing in ${probeMs} ms.`)),
      probeMs,
    );
  }

  private receive(sequence: number, frame: Uint8Array): void {
    if (this.closed) return;
    try {
      this.handle(sequence, frame);
    } catch (error) {
      this.end(error as Error);
    }
  }

  /** Throws `transport-corrupt` or `protocol-incompatible`. */
  private handle(sequence: number, frame: Uint8Array): void {
    if (sequence !== this.nextIn) throw corrupt(`came as number ${sequence} in place of ${this.nextIn}`);
    this.nextIn += 1;
    if (sequence === HELLO) {
      if (this.nextOut === HELLO) throw corrupt('came before both sides were there');
      const { ends, salt } = this.options;
      this.seal = new MeetingSeal(ends, salt, openHello(ends, frame));
      this.send(new Uint8Array());
      return;
    }
    const message = this.seal?.open(sequence, frame);
    if (!message) throw corrupt('came before there was a key for it');
    if (sequence > CONFIRM) return this.messageEmitter.fire(message);
    if (message.length > 0) throw corrupt('is no confirmation');
    clearTimeout(this.probe);
    this.openEmitter.fire();
  }

  private end(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.probe);
    this.subscriptions.dispose();
    this.channel.close();
    this.closedEmitter.fire(error);
  }
}
