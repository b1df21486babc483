import { PeerweaveError } from '../../shared/errors.ts';
import type { WindowSizes } from './stream-message.ts';

/** Chunks below this are copied together while nobody reads: a window of one-byte chunks would weigh a hundred times its bytes. */
const SLAB_BYTES = 4 * 1024;

/** What has arrived and waits to be read, and how much more the other side may send. */
export class ReceiveWindow {
  private readonly sizes: WindowSizes;
  private readonly chunks: Buffer[] = [];
  /** Memory that the last chunk is at the beginning of, when it may grow. */
  private slab: Buffer | undefined;
  private held = 0;
  private arrived = 0;
  private granted: number;

  constructor(sizes: WindowSizes) {
    this.sizes = sizes;
    this.granted = sizes.firstBytes;
  }

  /** Bytes not yet taken by `shift`. */
  get waiting(): number {
    return this.held;
  }

  /** Throws `protocol-violation` when the other side was not granted as many bytes. */
  push(bytes: Buffer): void {
    this.arrived += bytes.length;
    if (this.arrived > this.granted) {
      throw new PeerweaveError(
        'protocol-violation',
        `The peer sent ${this.arrived - this.granted} bytes more than it was granted.`,
      );
    }
    this.held += bytes.length;
    if (bytes.length >= SLAB_BYTES) {
      this.slab = undefined;
      this.chunks.push(bytes);
    } else this.append(bytes);
  }

  /** The oldest chunk. */
  shift(): Buffer | undefined {
    const chunk = this.chunks.shift();
    if (!chunk) return undefined;
    if (this.chunks.length === 0) this.slab = undefined;
    this.held -= chunk.length;
    return chunk;
  }

  /**
   * Bytes to grant now, 0 for none: whenever half a window has been read, so that grants are few and the sender need not stop. The window is
   * twice what was ever read until it is full-grown: who sends little never holds a large grant.
   * `ahead` is what was taken by `shift` and is not read yet; `most` is the largest window at present.
   */
  credit(ahead: number, most = Infinity): number {
    const { firstBytes, windowBytes } = this.sizes;
    const read = this.arrived - this.held - ahead;
    const window = Math.min(windowBytes, most, Math.max(firstBytes, 2 * read));
    const due = read + window - this.granted;
    if (due < window / 2) return 0;
    this.granted += due;
    return due;
  }

  clear(): void {
    this.chunks.length = 0;
    this.slab = undefined;
    this.held = 0;
  }

  private append(bytes: Buffer): void {
    const last = this.chunks.at(-1);
    if (!last) {
      this.chunks.push(bytes);
      return;
    }
    if (!this.slab || last.length + bytes.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      bytes.copy(this.slab);
      this.chunks.push(this.slab.subarray(0, bytes.length));
      return;
    }
    bytes.copy(this.slab, last.length);
    this.chunks[this.chunks.length - 1] = this.slab.subarray(0, last.length + bytes.length);
  }
}
