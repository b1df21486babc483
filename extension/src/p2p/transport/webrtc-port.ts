import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { MessagePort } from './message-port.ts';
import type { DataChannel } from './webrtc-native.ts';

/** The larger, the less work a byte; 64 KiB is what every implementation takes (RFC 8841 §6.1). */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Enough that the network does not run dry while the event loop turns. */
const LOW_WATER_BYTES = 128 * 1024;
/** The last message of each side, which no stream sends: all that was said before it has been heard. */
const GOODBYE = Buffer.alloc(0);
/** How long a goodbye may take to be answered. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * An open data channel as a message port. The library delivers messages and the channel's end in two queues that may overtake each other,
 * and drops what it has not sent when it is closed; therefore each side closes with an empty message and waits for the other to hang up.
 */
export class DataChannelPort implements MessagePort {
  readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  readonly lowWaterBytes = LOW_WATER_BYTES;
  private readonly channel: DataChannel;
  private readonly hangUp: () => void;
  private readonly low = new Emitter<void>();
  private readonly messages = new Emitter<Uint8Array>();
  private readonly closing = new Emitter<Error | undefined>();
  private state: 'open' | 'leaving' | 'closed' = 'open';
  private leaving: NodeJS.Timeout | undefined;
  readonly onLow = this.low.event;
  readonly onMessage = this.messages.event;
  readonly onClosed = this.closing.event;

  /** `hangUp` ends the peer connection; whoever owns that tells its end by `end`. */
  constructor(channel: DataChannel, hangUp: () => void) {
    this.channel = channel;
    this.hangUp = hangUp;
    channel.setBufferedAmountLowThreshold(LOW_WATER_BYTES);
    channel.onBufferedAmountLow(() => {
      if (this.state === 'open') this.low.fire();
    });
    channel.onMessage((message) => this.receive(message));
  }

  get queuedBytes(): number {
    return this.state === 'closed' ? 0 : this.channel.bufferedAmount();
  }

  send(message: Uint8Array): void {
    if (this.state !== 'open' || message.length === 0) return;
    try {
      this.channel.sendMessageBinary(message);
    } catch {
      // The channel has just closed, which it tells in a turn of its own.
    }
  }

  close(): void {
    if (this.state !== 'open') return;
    try {
      this.channel.sendMessageBinary(GOODBYE);
    } catch {
      return this.end();
    }
    this.state = 'leaving';
    this.leaving = setTimeout(() => this.end(), CLOSE_TIMEOUT_MS);
  }

  /** Ends it at once: the connection is gone, with an error when it was not closed. */
  end(error?: Error): void {
    if (this.state === 'closed') return;
    const byUs = this.state === 'leaving';
    this.state = 'closed';
    clearTimeout(this.leaving);
    this.closing.fire(byUs ? undefined : error);
    this.hangUp();
  }

  private receive(message: string | Buffer | ArrayBuffer): void {
    if (typeof message === 'string' || message instanceof ArrayBuffer) {
      return this.end(new PeerweaveError('protocol-violation', 'The peer sent text on a channel for bytes.'));
    }
    if (message.length === 0) return this.end(gone());
    if (message.length > MAX_MESSAGE_BYTES) {
      return this.end(new PeerweaveError('message-too-large', `The peer sent a message of ${message.length} bytes.`));
    }
    if (this.state === 'open') this.messages.fire(message);
  }
}

const gone = (): PeerweaveError => new PeerweaveError('link-lost', 'The other side closed the data channel.');
