/** How long to wait before trying again, in milliseconds: doubling from `firstMs` up to `maxMs`. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The delay after the given number of failures in a row (1 is the first). `jitter`, from 0 up to 1, takes away up to half of it, so
 * that peers that failed together do not all come back together.
 */
export function backoffDelay({ firstMs, maxMs }: Backoff, failures: number, jitter: number): number {
  // 2 ** 30 is far past any maximum; the bound keeps the power finite.
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - jitter / 2));
}
