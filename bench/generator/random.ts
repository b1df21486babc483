import { createCipheriv, createHash } from 'node:crypto';

/** A stream of pseudo-random integers that is the same on every machine for the same seed. */
export interface Random {
  /** An integer in `[0, limit)`. */
  below(limit: number): number;
  /** An integer in `[low, high]`. */
  between(low: number, high: number): number;
  /** True once in `n` on average. */
  oneIn(n: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** Four words of state from a seed text and a purpose, so that one part's draws never shift another's. */
function state(seed: string): [number, number, number, number] {
  const digest = createHash('sha256').update(seed).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
}

/** sfc32 (PractRand's small fast counter generator): integers only, so that no platform's floating point can differ. */
export function createRandom(seed: string): Random {
  let [a, b, c, counter] = state(seed);
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let n = 0; n < 12; n++) next();
  const below = (limit: number): number => next() % limit;
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    oneIn: (n) => below(n) === 0,
    pick: (items) => items[below(items.length)]!,
  };
}

/** `size` bytes that do not compress and are the same for the same seed: an AES-CTR key stream, at gigabytes a second. */
export function incompressible(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
