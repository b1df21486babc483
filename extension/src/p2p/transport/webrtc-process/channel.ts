import { PeerweaveError } from '../../../shared/errors.ts';
import type { DataChannel } from './native.ts';
import { CHANNEL_LOW_BYTES, MAX_CHANNEL_MESSAGE_BYTES, type ConnectionEvent } from './wire.ts';

/** The last message of each side, which no stream sends: all that was said before it has been heard. */
const GOODBYE = Buffer.alloc(0);
/** How long a goodbye may take to be answered. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Received and not yet with the engine: twice what a stream lets the other side have under way, with what it says beside its data. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface ChannelParts {
  readonly tell: (event: ConnectionEvent) => void;
  /** Takes over `message`; `gone` is called when it has left this process. */
  readonly pass: (message: Uint8Array, gone: () => void) => void;
  /** Ends the peer connection. */
  readonly hangUp: (error?: PeerweaveError) => void;
}

/**
 * An open data channel. The library delivers messages and the channel's end in two queues that may overtake each other, and drops
 * what it has not sent when it is closed; therefore each side closes with an empty message and waits for the other to hang up.
 */
export class OpenChannel {
  private readonly channel: DataChannel;
  private readonly parts: ChannelParts;
  private state: 'open' | 'leaving' | 'closed' = 'open';
  private timeout: NodeJS.Timeout | undefined;
  private sent = 0;
  private toldSent = 0;
  private telling: NodeJS.Immediate | undefined;
  private waiting = 0;

  constructor(channel: DataChannel, parts: ChannelParts) {
    this.channel = channel;
    this.parts = parts;
    channel.setBufferedAmountLowThreshold(CHANNEL_LOW_BYTES);
    channel.onBufferedAmountLow(() => this.tellSent());
    channel.onMessage((message) => this.receive(message));
  }

  send(message: Uint8Array): void {
    if (this.state !== 'open') return;
    this.sent += message.length;
    try {
      this.channel.sendMessageBinary(message);
      // Several messages come in one turn, as a rule.
      this.telling ??= setImmediate(() => this.tellSent());
    } catch {
      // The channel has just closed, which it tells in a turn of its own.
    }
  }

  /** Once all that was sent has arrived. */
  close(): void {
    if (this.state !== 'open') return;
    this.state = 'leaving';
    this.timeout = setTimeout(() => this.parts.hangUp(), CLOSE_TIMEOUT_MS);
    try {
      this.channel.sendMessageBinary(GOODBYE);
    } catch {
      this.parts.hangUp();
    }
  }

  /** The connection has ended: nothing is waited for any more. */
  dispose(): void {
    this.state = 'closed';
    clearTimeout(this.timeout);
    clearImmediate(this.telling);
  }

  private receive(message: string | Buffer | ArrayBuffer): void {
    if (this.state === 'closed') return;
    if (typeof message === 'string' || message instanceof ArrayBuffer) {
      return this.parts.hangUp(new PeerweaveError('protocol-violation', 'The peer sent text on a channel for bytes.'));
    }
    if (message.length === 0) {
      if (this.state === 'leaving') return this.parts.hangUp();
      return this.parts.hangUp(new PeerweaveError('link-lost', 'The other side closed the data channel.'));
    }
    if (message.length > MAX_CHANNEL_MESSAGE_BYTES) {
      return this.parts.hangUp(
        new PeerweaveError('message-too-large', `The peer sent a message of ${message.length} bytes.`),
      );
    }
    if (this.state === 'open') this.pass(message);
  }

  private pass(message: Uint8Array): void {
    const { length } = message;
    this.waiting += length;
    if (this.waiting > MAX_WAITING_BYTES) {
      return this.parts.hangUp(new PeerweaveError('protocol-violation', 'The peer sent more than it was granted.'));
    }
    this.parts.pass(message, () => (this.waiting -= length));
  }

  private tellSent(): void {
    clearImmediate(this.telling);
    this.telling = undefined;
    if (this.state !== 'open') return;
    const left = this.sent - this.channel.bufferedAmount();
    if (left > this.toldSent) this.parts.tell({ kind: 'sent', bytes: left - this.toldSent });
    this.toldSent = Math.max(left, this.toldSent);
  }
}
