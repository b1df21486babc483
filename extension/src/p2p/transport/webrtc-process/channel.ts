import { PeerweaveError } from '../../../shared/errors.ts';
import type { DataChannel } from './native.ts';
import { CHANNEL_LOW_BYTES, MAX_CHANNEL_MESSAGE_BYTES, type ConnectionEvent } from './wire.ts';

/** The last message of each side, which no stream sends: all that was said before it has been heard. */
const GOODBYE = Buffer.alloc(0);
/** How long a goodbye may take to be answered. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * An open data channel. The library delivers messages and the channel's end in two queues that may overtake each other, and drops
 * what it has not sent when it is closed; therefore each side closes with an empty message and waits for the other to hang up.
 */
export class OpenChannel {
  private readonly channel: DataChannel;
  private readonly tell: (event: ConnectionEvent) => void;
  private readonly hangUp: (error?: PeerweaveError) => void;
  private state: 'open' | 'leaving' | 'closed' = 'open';
  private timeout: NodeJS.Timeout | undefined;
  private sent = 0;
  private toldSent = 0;

  /** `hangUp` ends the peer connection. */
  constructor(channel: DataChannel, tell: (event: ConnectionEvent) => void, hangUp: (error?: PeerweaveError) => void) {
    this.channel = channel;
    this.tell = tell;
    this.hangUp = hangUp;
    channel.setBufferedAmountLowThreshold(CHANNEL_LOW_BYTES);
    channel.onBufferedAmountLow(() => this.tellSent());
    channel.onMessage((message) => this.receive(message));
  }

  send(message: Uint8Array): void {
    if (this.state !== 'open') return;
    this.sent += message.length;
    try {
      this.channel.sendMessageBinary(message);
      this.tellSent();
    } catch {
      // The channel has just closed, which it tells in a turn of its own.
    }
  }

  /** Once all that was sent has arrived. */
  close(): void {
    if (this.state !== 'open') return;
    this.state = 'leaving';
    this.timeout = setTimeout(() => this.hangUp(), CLOSE_TIMEOUT_MS);
    try {
      this.channel.sendMessageBinary(GOODBYE);
    } catch {
      this.hangUp();
    }
  }

  /** The connection has ended: nothing is waited for any more. */
  dispose(): void {
    this.state = 'closed';
    clearTimeout(this.timeout);
  }

  private receive(message: string | Buffer | ArrayBuffer): void {
    if (this.state === 'closed') return;
    if (typeof message === 'string' || message instanceof ArrayBuffer) {
      return this.hangUp(new PeerweaveError('protocol-violation', 'The peer sent text on a channel for bytes.'));
    }
    if (message.length === 0) {
      if (this.state === 'leaving') return this.hangUp();
      return this.hangUp(new PeerweaveError('link-lost', 'The other side closed the data channel.'));
    }
    if (message.length > MAX_CHANNEL_MESSAGE_BYTES) {
      return this.hangUp(
        new PeerweaveError('message-too-large', `The peer sent a message of ${message.length} bytes.`),
      );
    }
    if (this.state === 'open') this.tell({ kind: 'message', message });
  }

  private tellSent(): void {
    if (this.state !== 'open') return;
    const left = this.sent - this.channel.bufferedAmount();
    if (left > this.toldSent) this.tell({ kind: 'sent', bytes: left - this.toldSent });
    this.toldSent = Math.max(left, this.toldSent);
  }
}
