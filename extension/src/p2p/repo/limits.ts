import type { ReceiveLimits } from './repository.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/**
 * Defaults of the gate (SY2): far above any repository that people clone by hand, far below what fills a disk unnoticed.
 * The Linux kernel, for scale: a pack of 1.5 GiB, 10 million objects, 100 GiB expanded, largest object 25 MiB.
 */
export const DEFAULT_RECEIVE_LIMITS: ReceiveLimits = {
  maxPackBytes: 4 * GiB,
  // Only counted, never written: packs stay packed. A repository of prose deflates 4:1 and deltas multiply that by ten.
  maxExpandedBytes: 256 * GiB,
  // Git holds a delta's base and result in memory, so this also bounds what index-pack may allocate at once.
  maxObjectBytes: 1 * GiB,
  maxObjects: 20_000_000,
};

/** From this many objects on, a pack is kept as a pack instead of being unpacked to loose objects (git's fetch.unpackLimit). */
export const UNPACK_LIMIT = 100;
