import type { PeerId } from '../../shared/ids.ts';
import type { Backoff } from './backoff.ts';
import type { PersistedSync } from './persisted.ts';
import type { Strategies } from './strategy.ts';

/** Limits of the core; each has a default that fits a session of 50 peers on an ordinary machine. */
export interface SyncLimits {
  /** Fetches at a time, over all peers: more would only share the same disk and the same line. */
  readonly maxFetches: number;
  /** Pairs of commits in one `relate`, about: a branch's pairs are not torn apart. Each may cost a git process. */
  readonly relateBatch: number;
  /** Relations kept in memory, about 200 bytes each. Must hold what one branch needs with every peer, a few thousand. */
  readonly relationCache: number;
  readonly retry: Backoff;
}

const DEFAULT_LIMITS: SyncLimits = {
  maxFetches: 3,
  relateBatch: 100,
  relationCache: 50_000,
  retry: { firstMs: 250, maxMs: 30_000 },
};

export interface SyncOptions {
  /** What `persisted()` gave before the restart. */
  readonly restored?: PersistedSync;
  /** False to plan and show everything and move nothing by itself. Default true. */
  readonly autoSync?: boolean;
  /** What is done by itself about branches that diverge. Default: nothing, everywhere. */
  readonly strategies?: Strategies;
  readonly limits?: Partial<SyncLimits>;
  /** Spreads retries: a number from 0 up to 1 for the given failure in a row. Default 0, no jitter. */
  readonly jitter?: (peer: PeerId | undefined, failures: number) => number;
}

export const limitsOf = (options: SyncOptions): SyncLimits => ({ ...DEFAULT_LIMITS, ...options.limits });
