import type { Reason } from '../../shared/errors.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../shared/ids.ts';
import type { Blocked } from './settlement.ts';
import type { Strategies } from './strategy.ts';

/**
 * Events in, effects out. The core knows nothing of sockets, files, timers or clocks; whoever drives it performs the effects
 * and feeds back what came of them. `SyncCore.handle(event)` is synchronous and returns the effects in the order to start them.
 *
 * What the driver owes: every `fetch`, `relate`, `move`, `merge` and `keep` is answered exactly once, also after `peer-down` (a fetch that was
 * cut short answers `fetch-failed`); `local-refs` are read one at a time, so that a later one is never the older one.
 */

export type Refs = ReadonlyMap<RefName, Oid>;

/** Two commits whose relation is asked for. */
export interface Pair {
  readonly local: Oid;
  readonly remote: Oid;
}

/** How two commits stand to each other, as the repository counted it. */
export interface Relation {
  readonly local: Oid;
  readonly remote: Oid;
  readonly ahead: number;
  readonly behind: number;
  readonly sameTree: boolean;
  /** True when they diverged and hold the same changes, committed separately; absent is false. */
  readonly patchEqual?: boolean;
}

/** Why a merge was not made: the sides do not merge by themselves, or it went wrong and is tried again. */
export type MergeRefusal = 'conflicts' | 'failed';

export type SyncEvent =
  /** The repository's branches and tags: at start, and whenever they changed. */
  | { readonly type: 'local-refs'; readonly refs: Refs; readonly head: BranchName | undefined }
  | { readonly type: 'peer-up'; readonly peer: PeerId }
  | { readonly type: 'peer-down'; readonly peer: PeerId }
  /** The peer left for good, or was forgotten: its state goes. */
  | { readonly type: 'peer-gone'; readonly peer: PeerId }
  /** A verified manifest (SY1); `seq` only rises. */
  | { readonly type: 'manifest'; readonly peer: PeerId; readonly seq: number; readonly refs: Refs }
  /** Answers a `fetch`: every object of that manifest is here. `refused` refs never came and are not planned. */
  | { readonly type: 'fetched'; readonly peer: PeerId; readonly seq: number; readonly refused: readonly RefName[] }
  | { readonly type: 'fetch-failed'; readonly peer: PeerId; readonly seq: number; readonly reason: Reason }
  /** Answers the one `relate` that is out. A pair of it that is missing here could not be related, and is asked again later, alone. */
  | { readonly type: 'related'; readonly relations: readonly Relation[] }
  /** Answers a `move`. */
  | { readonly type: 'moved'; readonly branch: BranchName; readonly from: Oid | null; readonly to: Oid }
  | {
      readonly type: 'move-refused';
      readonly branch: BranchName;
      readonly to: Oid;
      /** `ref-moved` replans at once (SY12); the others wait as pending (SY6) and are tried again when local state changes. */
      readonly why: 'ref-moved' | 'pending';
      readonly detail: string;
    }
  /** A person reviewed what is offered for this branch (pending, redo of a rewind, return of a deleted branch) and wants it now. */
  | { readonly type: 'apply-pending'; readonly branch: BranchName }
  /** The worktree or index changed, so a pending move may go through now. */
  | { readonly type: 'worktree-changed' }
  | { readonly type: 'sync-now' }
  /** The setting changed: whether branches and tags move by themselves. */
  | { readonly type: 'auto-sync'; readonly enabled: boolean }
  /** The setting changed: what is done by itself about branches that diverge. Until it is first said everything is `manual`. */
  | { readonly type: 'strategies'; readonly strategies: Strategies }
  /** Answers a `merge`: the commit is here, on no ref. `parents` are those of the heads that merge with each other. */
  | { readonly type: 'merged'; readonly branch: BranchName; readonly commit: Oid; readonly parents: readonly Oid[] }
  | { readonly type: 'merge-refused'; readonly branch: BranchName; readonly why: MergeRefusal }
  /** Answers a `keep`: every one of the tips is kept, or else not for sure. */
  | { readonly type: 'kept'; readonly branch: BranchName }
  | { readonly type: 'keep-refused'; readonly branch: BranchName }
  /** A `wake` came due. `now` is milliseconds of a monotonic clock. */
  | { readonly type: 'tick'; readonly now: number };

export type SyncEffect =
  /** Sign a manifest of these refs and send it to every linked peer. */
  | { readonly type: 'announce'; readonly refs: Refs; readonly head: BranchName | undefined }
  /** Send the newest manifest to this peer (it just came up). */
  | { readonly type: 'greet'; readonly peer: PeerId }
  | { readonly type: 'fetch'; readonly peer: PeerId; readonly seq: number; readonly refs: Refs }
  /** Count how these commits stand to each other; their objects are here. At most one is out at a time. */
  | { readonly type: 'relate'; readonly pairs: readonly Pair[] }
  /** Read the refs again, from now on, and feed them as `local-refs`, changed or not. */
  | { readonly type: 'read-refs' }
  /** Fast-forward (or create, `from: null`) a branch to a peer's tip. */
  | {
      readonly type: 'move';
      readonly branch: BranchName;
      readonly from: Oid | null;
      readonly to: Oid;
      readonly peer: PeerId;
      readonly reviewed: boolean;
      /** The sides that `to` merges, when it is a merge made here. `peer` then is one of those it is settled with. */
      readonly merges?: readonly Oid[];
    }
  /**
   * The branch has been elsewhere since the move that is out was decided on: do not begin with it any more, also when the branch is back
   * where the move begins (SY12). It is answered like any other: as refused for `ref-moved`, unless it was too late.
   */
  | { readonly type: 'withdraw'; readonly branch: BranchName }
  /**
   * Make the merge commit of these heads that everybody makes of them (D3), on no ref; with `take`, of that one's files as they are. At
   * most one is out for a branch.
   */
  | { readonly type: 'merge'; readonly branch: BranchName; readonly heads: readonly Oid[]; readonly take?: Oid }
  /** Keep these tips of the branch, which are about to lose (CO4). */
  | { readonly type: 'keep'; readonly branch: BranchName; readonly tips: readonly Oid[] }
  | { readonly type: 'create-tag'; readonly ref: RefName; readonly oid: Oid; readonly peer: PeerId }
  /** Tell this peer that everything of its manifest `seq` is here; said again when the peer comes back. */
  | { readonly type: 'ack'; readonly peer: PeerId; readonly seq: number }
  /** Everything of this peer is here and planned; nothing is outstanding. */
  | { readonly type: 'synced'; readonly peer: PeerId }
  /** The branch states changed: what the views show (`SyncCore.branches()`). */
  | { readonly type: 'branches-changed' }
  /**
   * Save `SyncCore.persisted()`: what a restart needs (bases, tombstones). It comes before the `announce` of the same call:
   * a crash between the two must not forget a branch that others have heard of, or its deletion would not be noticed.
   */
  | { readonly type: 'persist' }
  /** Feed a `tick` in this many milliseconds. A later wake replaces an earlier one. */
  | { readonly type: 'wake'; readonly inMs: number };

/** How one branch stands to one peer, from the three points (base, local, remote) (SY4). */
export type BranchStanding =
  | 'equal'
  | 'same-tree'
  | 'patch-equal' // the same changes, committed separately
  | 'fast-forward' // remote is ahead; a move is under way or waits
  | 'remote-behind'
  | 'diverged'
  | 'deleted-there'
  | 'deleted-here'
  | 'rewound-there'
  | 'rewound-here'
  | 'unknown'; // the relation is not known yet

/** One branch as one peer has it, against ours. `ahead` and `behind` count commits; both are 0 where they are not known. */
export interface PeerStanding {
  readonly peer: PeerId;
  readonly remote: Oid | null;
  readonly base: Oid | null;
  readonly standing: BranchStanding;
  readonly ahead: number;
  readonly behind: number;
}

/** One side of a conflict; the owner `null` is the local repository. */
export interface ConflictCandidate {
  readonly tip: Oid;
  readonly owners: readonly (PeerId | null)[];
}

/** A fast-forward that waits, and why in words (SY6). */
export interface PendingMove {
  readonly to: Oid;
  readonly peer: PeerId;
  readonly detail: string;
}

/**
 * How far the strategy is with a branch that diverged. `unclean`: it does not merge by itself. `gave-up`: it merged over and over and the
 * peers did not come to agree. From all but `under-way` only people, or new commits, lead on.
 */
export type Settling = 'under-way' | 'unclean' | 'gave-up' | Blocked;

export interface BranchState {
  readonly branch: BranchName;
  readonly local: Oid | null;
  readonly peers: readonly PeerStanding[];
  /** Set while the branch has diverged from at least one peer (CO1): every tip that no other contains, the local one first. */
  readonly conflict: readonly ConflictCandidate[] | undefined;
  /** What its strategy makes of it; undefined when that is `manual` or there is nothing to settle. */
  readonly settling: Settling | undefined;
  readonly pending: PendingMove | undefined;
}
