import type { Reason } from '../../shared/errors.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../shared/ids.ts';

/**
 * Events in, effects out. The core knows nothing of sockets, files, timers or clocks; whoever drives it performs the effects
 * and feeds back what came of them. `SyncCore.handle(event)` is synchronous and returns the effects in the order to start them.
 */

export type Refs = ReadonlyMap<RefName, Oid>;

/** How two commits stand to each other, as the repository counted it. */
export interface Relation {
  readonly local: Oid;
  readonly remote: Oid;
  readonly ahead: number;
  readonly behind: number;
  readonly sameTree: boolean;
}

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
  /** Answers a `relate`. */
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
  /** A person reviewed a pending update and wants it now. */
  | { readonly type: 'apply-pending'; readonly branch: BranchName }
  /** The worktree or index changed, so a pending move may go through now. */
  | { readonly type: 'worktree-changed' }
  | { readonly type: 'sync-now' }
  /** A `wake` came due. `now` is milliseconds of a monotonic clock. */
  | { readonly type: 'tick'; readonly now: number };

export type SyncEffect =
  /** Sign a manifest of these refs and send it to every linked peer. */
  | { readonly type: 'announce'; readonly refs: Refs; readonly head: BranchName | undefined }
  /** Send the newest manifest to this peer (it just came up). */
  | { readonly type: 'greet'; readonly peer: PeerId }
  | { readonly type: 'fetch'; readonly peer: PeerId; readonly seq: number; readonly refs: Refs }
  | { readonly type: 'relate'; readonly pairs: readonly { readonly local: Oid; readonly remote: Oid }[] }
  /** Fast-forward (or create, `from: null`) a branch to a peer's tip. */
  | {
      readonly type: 'move';
      readonly branch: BranchName;
      readonly from: Oid | null;
      readonly to: Oid;
      readonly peer: PeerId;
      readonly reviewed: boolean;
    }
  | { readonly type: 'create-tag'; readonly ref: RefName; readonly oid: Oid; readonly peer: PeerId }
  /** Tell this peer that everything of its manifest `seq` is here. */
  | { readonly type: 'ack'; readonly peer: PeerId; readonly seq: number }
  /** Everything of this peer is here and planned; nothing is outstanding. */
  | { readonly type: 'synced'; readonly peer: PeerId }
  /** The branch states changed: what the views show (`SyncCore.branches()`). */
  | { readonly type: 'branches-changed' }
  /** Save `SyncCore.persisted()`: what a restart needs (bases, tombstones). */
  | { readonly type: 'persist' }
  /** Feed a `tick` in this many milliseconds. A later wake replaces an earlier one. */
  | { readonly type: 'wake'; readonly inMs: number };

/** How one branch stands to one peer, from the three points (base, local, remote) (SY4). */
export type BranchStanding =
  | 'equal'
  | 'same-tree'
  | 'fast-forward' // remote is ahead; a move is under way or waits
  | 'remote-behind'
  | 'diverged'
  | 'deleted-there'
  | 'deleted-here'
  | 'rewound-there'
  | 'rewound-here'
  | 'unknown'; // the relation is not known yet

export interface BranchState {
  readonly branch: BranchName;
  readonly local: Oid | null;
  readonly peers: readonly {
    readonly peer: PeerId;
    readonly remote: Oid | null;
    readonly base: Oid | null;
    readonly standing: BranchStanding;
    readonly ahead: number;
    readonly behind: number;
  }[];
  /** Set while the branch has diverged from at least one peer (CO1): every tip with its owners; null is the local one. */
  readonly conflict: readonly { readonly tip: Oid; readonly owners: readonly (PeerId | null)[] }[] | undefined;
  /** Set while a fast-forward waits (SY6). */
  readonly pending: { readonly to: Oid; readonly peer: PeerId; readonly detail: string } | undefined;
}
