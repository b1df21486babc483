import type { Reason } from '../../extension/src/shared/errors.ts';
import type { PeerId, RefName } from '../../extension/src/shared/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import type { Prng } from './prng.ts';
import type { SimNetwork } from './sim-network.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How likely things go wrong inside an engine. */
export interface Mishaps {
  readonly fetchFails: number;
  readonly relateMisses: number;
  readonly mergeFails: number;
  /** A change of refs is noticed by the slow poll only. */
  readonly watchMisses: number;
  /** Persisting lags behind, so that a crash forgets the last of it. */
  readonly lazyPersist: boolean;
  /** Refs that this engine refuses to receive. */
  readonly refuses: (ref: RefName) => boolean;
}

/** What all engines of a scenario share. */
export interface SimWorld {
  readonly clock: VirtualClock;
  readonly random: Prng;
  readonly graph: CommitGraph;
  readonly network: SimNetwork;
  readonly trace: (peer: PeerId, text: string) => void;
}

/** What a fetch may fail with; the last waits for a new manifest or a person. */
export const FAILURES: readonly Reason[] = ['link-lost', 'timeout', 'object-missing', 'disk-full', 'pack-rejected'];
/** How far persisting lags behind where it is lazy, in milliseconds. */
export const LAZY_MS = 100;
/** The slow poll that catches what the watcher missed, in milliseconds. */
export const POLL_MS = 2_000;
