import type { Reason } from '../../shared/errors.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../shared/ids.ts';
import type { Refs } from './model.ts';

/** A peer's refs at one point of its sequence. */
export interface SeenManifest {
  readonly seq: number;
  readonly refs: Refs;
}

/** Why the last fetch from a peer failed, and how many in a row have. */
export interface FetchFailure {
  readonly reason: Reason;
  readonly failures: number;
  /** True when only a new manifest or a person can cure it. */
  readonly final: boolean;
}

/** A fetch that is out, and the tips it brings that were not here when it began. */
export interface FetchUnderWay {
  readonly manifest: SeenManifest;
  readonly brings: ReadonlySet<Oid>;
}

/** All that the core keeps of one peer. */
export interface PeerRecord {
  readonly peer: PeerId;
  up: boolean;
  /** The newest manifest heard of. */
  newest: SeenManifest | undefined;
  /** The newest manifest whose objects are here: what is planned from. */
  seen: SeenManifest | undefined;
  /** Refs of `seen` that never came. */
  refused: ReadonlySet<RefName>;
  /** For each branch, the tip that both last agreed on. */
  readonly bases: Map<BranchName, Oid>;
  /** Branches whose planning with this peer is not finished: a relation or a move is out. */
  readonly open: Set<BranchName>;
  fetching: FetchUnderWay | undefined;
  failure: FetchFailure | undefined;
  /** The last manifest for which `synced` was said. */
  syncedSeq: number | undefined;
}

export const newPeerRecord = (peer: PeerId): PeerRecord => ({
  peer,
  up: false,
  newest: undefined,
  seen: undefined,
  refused: new Set(),
  bases: new Map(),
  open: new Set(),
  fetching: undefined,
  failure: undefined,
  syncedSeq: undefined,
});

/** True when every object of the peer's newest manifest is here and no branch waits for a relation or a move. */
export const isSettled = (record: PeerRecord): boolean =>
  record.seen !== undefined && record.seen.seq === record.newest?.seq && record.open.size === 0;

/** What a caller may know of a peer: for the views and for `status`. */
export interface PeerSyncState {
  readonly up: boolean;
  /** Sequence of the newest manifest heard of, and of the newest whose objects are here. */
  readonly newestSeq: number | undefined;
  readonly fetchedSeq: number | undefined;
  /** Sequence of the last manifest that was here and planned to the end. */
  readonly syncedSeq: number | undefined;
  /** True when everything of the peer's newest manifest is here and planned. */
  readonly inSync: boolean;
  readonly fetching: boolean;
  /** Why the last fetch failed; gone with the next that succeeds. `retrying` is false when it waits for a new manifest or a person. */
  readonly error: { readonly reason: Reason; readonly failures: number; readonly retrying: boolean } | undefined;
  /** Refs of the peer that were refused by name and never came. */
  readonly refused: readonly RefName[];
}

export function peerSyncState(record: PeerRecord): PeerSyncState {
  const { up, newest, seen, syncedSeq, fetching, failure, refused } = record;
  return {
    up,
    newestSeq: newest?.seq,
    fetchedSeq: seen?.seq,
    syncedSeq,
    inSync: isSettled(record),
    fetching: fetching !== undefined,
    error: failure && { reason: failure.reason, failures: failure.failures, retrying: up && !failure.final },
    refused: [...refused],
  };
}
