import type { ReceiveLimits } from './repository.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/**
 * Defaults of the gate (SY2). They are to stop what fills a disk or the memory unnoticed, not to judge repositories: whoever
 * shares a larger one raises them.
 */
export const DEFAULT_RECEIVE_LIMITS: ReceiveLimits = {
  // What a person would notice arriving, and an ordinary disk still holds.
  maxPackBytes: 4 * GiB,
  // Only counted, never written: packs stay packed. So this may be far above the packs' limit, and still tells a bomb, which
  // expands a thousandfold (48 MB of zeros are a pack of 48 KB).
  maxExpandedBytes: 256 * GiB,
  // Git holds a delta's base and result in memory, so this also bounds what index-pack may allocate at once.
  maxObjectBytes: 1 * GiB,
  // Git keeps an entry in memory for every object of a pack that it indexes.
  maxObjects: 20_000_000,
  // Longer than a link that was dropped has to come back (LI4). Git says something every five seconds while it looks for objects.
  maxSilenceMs: 180_000,
};

/** From this many objects on, a pack is kept as a pack instead of being unpacked to loose objects (git's fetch.unpackLimit). */
export const UNPACK_LIMIT = 100;
