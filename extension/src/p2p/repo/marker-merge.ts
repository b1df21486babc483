import type { BranchName, Oid } from '../../shared/ids.ts';
import type { MoveRefusal } from './repository.ts';

/** A merge that a person settles in their own files, by conflict markers: begun, looked at, committed or taken back. */

export interface MarkerMergeRequest {
  /** Must be checked out in a worktree: the merge is made there. */
  readonly branch: BranchName;
  /** Where the branch is. */
  readonly ours: Oid;
  readonly theirs: Oid;
  /** Whose `theirs` is, as one component of a ref name: `bob`. The markers name it with a short id. */
  readonly whose: string;
  /** What the merge commit will say unless it is changed. */
  readonly message: string;
  /** Go on even when files that run code on open come in: the person reviewed it (SY6). */
  readonly reviewed?: boolean;
  readonly signal?: AbortSignal;
}

/** Why a merge was not begun; nothing has been touched then. */
export type MarkerMergeRefusal = MoveRefusal | { readonly kind: 'not-checked-out' };

export type MarkerMergeResult =
  /** `files` do not merge by themselves; none when all do, and the merge only has to be completed. */
  | { readonly begun: true; readonly files: readonly string[] }
  | { readonly begun: false; readonly refusal: MarkerMergeRefusal };

/**
 * `markers`: markers are left. `unmerged`: git has no markers for such a conflict (a picture, a file that one side deleted), and the
 * version to keep has not been staged yet. `resolved`: neither; `completeMerge` stages it where it had markers.
 */
export type MarkerFileState = 'markers' | 'unmerged' | 'resolved';

export interface MarkerFile {
  /** From the worktree's root, with `/`. */
  readonly path: string;
  readonly state: MarkerFileState;
}

/** A merge that was begun here and is not ended. */
export interface MarkerMerge {
  /** The worktree's folder. */
  readonly root: string;
  readonly branch: BranchName | undefined;
  readonly ours: Oid;
  readonly theirs: Oid;
  /** What the markers call the other side: `peerweave/merging/bob-3f2a91c`. Ours is `HEAD`. */
  readonly label: string;
}

export interface CompleteMerge {
  /** Who commits where git does not know the user. */
  readonly fallbackName: string;
  /** Absent for the one that the merge began with. */
  readonly message?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The merges with markers of one repository. At most one is under way. */
export interface MarkerMerges {
  /**
   * Begins a merge as `git merge --no-ff --no-commit` does, with markers in the files, the sides in the index and `MERGE_HEAD`. Throws
   * what git fails with: `disk-full`, `repository-locked`, `cancelled`.
   */
  begin(request: MarkerMergeRequest): Promise<MarkerMergeResult>;
  /** The merge that is under way; cheap when none is. */
  current(): Promise<MarkerMerge | undefined>;
  /** Every file of the merge that did not merge by itself, by path. */
  files(merge: MarkerMerge): Promise<MarkerFile[]>;
  /**
   * Stages what had markers and has none, and commits with the user's identity, hooks and signature. Throws `conflict-unresolved` with the
   * files that are left, `commit-refused` with what git or a hook said (the merge stays as it is), `bad-request` when none is under way.
   */
  complete(options: CompleteMerge): Promise<Oid>;
  /**
   * Takes the merge back: what was resolved in its files goes, everything else stays. Throws `move-refused` naming files that it would
   * take along though they are no part of the conflict, `bad-request` when none is under way.
   */
  abort(): Promise<void>;
}
