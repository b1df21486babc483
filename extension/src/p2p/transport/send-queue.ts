import { PeerweaveError } from '../../shared/errors.ts';
import { MESSAGE_DATA, STREAM_HEADER_BYTES, type WindowSizes } from './stream-message.ts';

/** Bytes on their way out, cut into data messages as large as the port takes and as the other side has granted. */
export class SendQueue {
  private readonly maxPayload: number;
  private readonly window: number;
  private chunks: Buffer[] = [];
  /** How much of the first chunk is gone. */
  private offset = 0;
  private queued = 0;
  private granted: number;

  /** May begin with `firstBytes`, and is never granted more than `windowBytes`. */
  constructor(maxMessageBytes: number, { firstBytes, windowBytes }: WindowSizes) {
    this.maxPayload = maxMessageBytes - STREAM_HEADER_BYTES;
    this.window = windowBytes;
    this.granted = firstBytes;
  }

  get length(): number {
    return this.queued;
  }

  get hasWholeMessage(): boolean {
    return this.queued >= this.maxPayload;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.queued += chunk.length;
  }

  /** Throws `protocol-violation` when the other side would then have granted more than its window. */
  grant(bytes: number): void {
    this.granted += bytes;
    if (bytes === 0 || this.granted > this.window) {
      throw new PeerweaveError(
        'protocol-violation',
        `The peer granted ${bytes} bytes, which makes more than its window.`,
      );
    }
  }

  /** The next message, in memory of its own: the port may keep it. Undefined when nothing may be sent. */
  next(wholeOnly: boolean): Buffer | undefined {
    const length = Math.min(this.queued, this.maxPayload, this.granted);
    if (length === 0 || (wholeOnly && this.queued < this.maxPayload)) return undefined;
    const message = Buffer.allocUnsafe(STREAM_HEADER_BYTES + length);
    message[0] = MESSAGE_DATA;
    let at = STREAM_HEADER_BYTES;
    let done = 0;
    for (const chunk of this.chunks) {
      const copied = chunk.copy(message, at, this.offset);
      at += copied;
      this.offset += copied;
      if (this.offset < chunk.length) break;
      this.offset = 0;
      done += 1;
    }
    this.chunks.splice(0, done);
    this.queued -= length;
    this.granted -= length;
    return message;
  }

  clear(): void {
    this.chunks = [];
    this.queued = this.offset = 0;
  }
}
