import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;

/**
 * Random bytes from a supply, for what the SSH library wants them for: padding, and the cookie of a key exchange. It asks for a few with every
 * packet, and to ask Node each time was a fourteenth of the CPU time of whoever sends.
 */
export class RandomPool {
  private readonly pool = Buffer.alloc(POOL_BYTES);
  private used = POOL_BYTES;

  /** Fills `target`. No byte is given out twice. */
  getBytes(target: Buffer): void {
    if (target.length > POOL_BYTES) return void randomFillSync(target);
    if (this.used + target.length > POOL_BYTES) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    this.pool.copy(target, 0, this.used, this.used + target.length);
    this.used += target.length;
  }
}
