import type { Oid } from '../../shared/ids.ts';
import type { ConflictFile } from './merge.ts';

/** What people decide about diverged tips, as a repository takes it, and versions of files for them to decide by. */

/** What a person decided for one file; those that are not named merge by themselves. A decision holds for all paths of its conflict. */
export type FileDecision =
  | { readonly path: string; readonly use: 'text'; readonly text: string }
  /** The whole file as this head has it, or its absence. */
  | { readonly path: string; readonly use: 'side'; readonly tip: Oid }
  | { readonly path: string; readonly use: 'delete' };

/** A person who commits. */
export interface Author {
  /** Used where git has no `user.name`, and for an address where it has no `user.email`. */
  readonly fallbackName: string;
  /** Unix milliseconds. */
  readonly now: number;
}

export interface ResolveRequest {
  /** Two or more commits, none of which contains another, ours first: the parents, in this order. */
  readonly heads: readonly Oid[];
  /** All files as this head has them; or else the files of a merge, as far as it needs decisions. */
  readonly tree: { readonly take: Oid } | { readonly merge: readonly FileDecision[] };
  readonly message: string;
  readonly author: Author;
  readonly signal?: AbortSignal;
}

/** `committed`: the commit is in the repository, on no ref. `undecided`: these files need a decision and have none. */
export type ResolveOutcome =
  | { readonly outcome: 'committed'; readonly commit: Oid }
  | { readonly outcome: 'undecided'; readonly files: readonly ConflictFile[] }
  | { readonly outcome: 'unrelated' };

export interface ReplayRequest {
  /** Whose commits that `onto` lacks are made again, oldest first. */
  readonly tip: Oid;
  readonly onto: Oid;
  /** Commits them; who wrote them, and when, stays. */
  readonly author: Author;
  readonly signal?: AbortSignal;
}

/**
 * `replayed`: `commit` is in the repository, on no ref; it is `onto` itself when there was nothing left to add. `conflicts`: this commit
 * does not apply by itself. `merges`: this one is a merge, which is not made again.
 */
export type ReplayOutcome =
  | { readonly outcome: 'replayed'; readonly commit: Oid }
  | { readonly outcome: 'conflicts'; readonly at: Oid; readonly files: readonly ConflictFile[] }
  | { readonly outcome: 'merges'; readonly at: Oid }
  | { readonly outcome: 'unrelated' };

/** What a commit has at a path. `text` is there for text and links that are not too large, and names the commit of a submodule. */
export interface FileVersion {
  readonly mode: string;
  /** Of the content; 0 for a submodule. */
  readonly bytes: number;
  readonly kind: 'text' | 'binary' | 'too-large' | 'link' | 'submodule';
  readonly text?: string;
}

/** A file of a conflict between two commits; null where a side has none. */
export interface ConflictVersions {
  readonly base: FileVersion | null;
  readonly ours: FileVersion | null;
  readonly theirs: FileVersion | null;
}
