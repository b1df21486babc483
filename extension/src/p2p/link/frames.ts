import { PeerweaveError } from '../../shared/errors.ts';

/**
 * Control messages on the SSH channel: length(u32, big-endian) and so many bytes of UTF-8 JSON, one message a frame.
 * The limit is checked when the length is read, before anything of the frame is kept (LI8).
 */
const LENGTH_BYTES = 4;

export function encodeFrame(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

/** Puts frames together from chunks. Holds at most one frame of `limit` bytes and one chunk. */
export class FrameReader {
  /** May be raised at any time; counts for the next frame. */
  limit: number;
  private chunks: Buffer[] = [];
  private buffered = 0;
  private length: number | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
  }

  /** The next whole frame, or undefined until more arrives. Throws `message-too-large` for one past the limit. */
  next(): Buffer | undefined {
    if (this.length === undefined) {
      if (this.buffered < LENGTH_BYTES) return undefined;
      this.length = this.take(LENGTH_BYTES).readUInt32BE(0);
      if (this.length > this.limit) {
        throw new PeerweaveError(
          'message-too-large',
          `The peer sent a message of ${this.length} bytes; ${this.limit} are allowed.`,
        );
      }
    }
    if (this.buffered < this.length) return undefined;
    const frame = this.take(this.length);
    this.length = undefined;
    return frame;
  }

  private take(count: number): Buffer {
    const all = this.chunks.length === 1 && this.chunks[0] ? this.chunks[0] : Buffer.concat(this.chunks);
    this.chunks = all.length > count ? [all.subarray(count)] : [];
    this.buffered -= count;
    return all.subarray(0, count);
  }
}
