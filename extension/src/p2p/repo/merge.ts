import type { BranchName, Oid } from '../../shared/ids.ts';

/** What a repository says and does about diverged tips: previews, the merge that is the same everywhere, and what lost and is kept. */

/** Why a file does not merge by itself. */
export type ConflictKind =
  | 'content'
  | 'add/add'
  | 'modify/delete'
  | 'rename/rename'
  | 'rename/delete'
  /** One side moved a folder, the other put something into it. */
  | 'directory-rename'
  | 'directory/file'
  /** File, link or submodule on the one side and another of these on the other, or different modes of the same file. */
  | 'mode'
  | 'binary'
  | 'submodule'
  /** The lines would merge, but `.gitattributes` on some side asks for a merge of another kind (`-merge`, `union`, `lfs`, …). */
  | 'attributes'
  /** A kind that this version does not know. */
  | 'other';

/** One side's version of a conflicting file; modes are git's octal words. */
export interface ConflictStage {
  readonly mode: string;
  readonly oid: Oid;
}

export interface ConflictFile {
  readonly path: string;
  /** Sorted, at least one. */
  readonly kinds: readonly ConflictKind[];
  /** Other paths of the same conflict: where a file came from, or what the other side called it. */
  readonly related: readonly string[];
  readonly base: ConflictStage | undefined;
  readonly ours: ConflictStage | undefined;
  readonly theirs: ConflictStage | undefined;
}

export interface CommitSummary {
  readonly oid: Oid;
  /** Plain text of whoever made the commit, control characters replaced. */
  readonly author: string;
  /** Seconds since 1970, by the author's clock. */
  readonly time: number;
  readonly subject: string;
}

export type FileChange = 'added' | 'modified' | 'deleted';

/** One of the tips that diverged. */
export interface PreviewSide {
  readonly tip: Oid;
  /** What no other side has, newest first. */
  readonly commits: readonly CommitSummary[];
  /** There are more commits than were listed. */
  readonly moreCommits: boolean;
  /** Files that this side changed since the base, by path; renames are a deletion and an addition. Empty without a base. */
  readonly changes: ReadonlyMap<string, FileChange>;
  readonly moreChanges: boolean;
}

/** Files that do not merge when `tip` is added to what the sides before it merged to. */
export interface PreviewConflict {
  readonly tip: Oid;
  readonly files: readonly ConflictFile[];
  readonly moreFiles: boolean;
}

export interface MergePreview {
  /** Best common ancestors of all sides; several in a criss-cross history, none when they share no history. */
  readonly bases: readonly Oid[];
  readonly sides: readonly PreviewSide[];
  /**
   * `clean`: all sides merge by themselves. `same-tree`: all have the same files. `patch-equal`: the same changes, committed separately.
   * `unrelated`: no common history, nothing to merge by. Same trees and equal patches are no conflict (SY9).
   */
  readonly outcome: 'same-tree' | 'patch-equal' | 'clean' | 'conflicts' | 'unrelated';
  /** One for each side that does not merge with the others; empty unless the outcome is `conflicts`. */
  readonly conflicts: readonly PreviewConflict[];
  /** Files that both changed and that merge line by line. */
  readonly merged: readonly string[];
  readonly moreMerged: boolean;
}

export interface PreviewRequest {
  /** Two or more commits that are here with their history; the first is "ours". */
  readonly tips: readonly Oid[];
  readonly signal?: AbortSignal;
  /** Milliseconds after which it gives up with `timeout`. Default 30 s. */
  readonly timeoutMs?: number;
}

export interface MergeRequest {
  /** Named in the message of the merge, so it must be the same for everybody. */
  readonly branch: BranchName;
  /** Two or more commits, none of which contains another, in any order. */
  readonly heads: readonly Oid[];
  /** Merge by taking all files of this head as they are, instead of merging files. */
  readonly take?: Oid;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/**
 * `merged`: the commit is in the repository, on no ref. Its parents are those of the heads that merge cleanly with each other, taken
 * in the order of their ids: two at least. `conflicts`: not even two do.
 */
export type MergeResult =
  | { readonly outcome: 'merged'; readonly commit: Oid; readonly parents: readonly Oid[] }
  | { readonly outcome: 'conflicts'; readonly files: readonly ConflictFile[] }
  | { readonly outcome: 'unrelated' };

/** A tip that lost to another by a strategy, and is kept (CO4). */
export interface KeptTip {
  readonly branch: BranchName;
  readonly tip: Oid;
  /** Seconds since 1970 when it was kept; undefined when the reflog does not say. */
  readonly keptAt: number | undefined;
}
