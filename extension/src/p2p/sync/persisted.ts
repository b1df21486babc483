import * as z from 'zod';
import {
  isOid,
  isPeerId,
  isSharedRef,
  type BranchName,
  type Oid,
  type PeerId,
  type RefName,
} from '../../shared/ids.ts';

/**
 * What the core keeps over a restart, as plain JSON. Refs are lists of pairs and not objects, because a branch may be called
 * `__proto__`. It is read back from disk, where anything may have happened to it, so it is decoded like a message.
 */

const oid = z.custom<Oid>((value) => typeof value === 'string' && isOid(value), 'an object id');
const peerId = z.custom<PeerId>((value) => typeof value === 'string' && isPeerId(value), 'a fingerprint');
const refName = z.custom<RefName>((value) => typeof value === 'string' && isSharedRef(value), 'a branch or tag ref');
const branchName = z.custom<BranchName>((value) => typeof value === 'string' && value !== '', 'a branch');
const refList = z.array(z.tuple([refName, oid]));

const persistedPeer = z.object({
  peer: peerId,
  /** The newest manifest whose objects are here. */
  seen: z.object({ seq: z.int().min(0), refs: refList }).optional(),
  refused: z.array(refName),
  /** Bases that differ from the peer's own tip; `null` where there is none. Every other branch of `seen` has its tip as base. */
  bases: z.array(z.tuple([branchName, oid.nullable()])),
});

const persistedSync = z.object({
  version: z.literal(1),
  /** Branches and tags of the repository when it was last looked at. */
  local: refList,
  /** Refs that the user deleted, with the tip they had. */
  deleted: refList,
  /** Tips that a branch was moved away from. */
  left: z.array(z.tuple([branchName, z.array(oid)])),
  /** Merges that took one side, by branch; absent in what was written before there were any. */
  settled: z.array(z.tuple([branchName, z.array(z.object({ heads: z.array(oid), commit: oid }))])).optional(),
  peers: z.array(persistedPeer),
});

export type PersistedPeer = z.infer<typeof persistedPeer>;
export type PersistedSync = z.infer<typeof persistedSync>;

/**
 * Decodes what was read from disk; undefined when it is not what `persisted()` gave. Going on without it is safe: nothing moves
 * but forward, and all that is lost is which branches were deleted or rewound on purpose.
 */
export function decodePersistedSync(value: unknown): PersistedSync | undefined {
  const decoded = persistedSync.safeParse(value);
  return decoded.success ? decoded.data : undefined;
}
