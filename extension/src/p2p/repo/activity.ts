import type { BranchName, Oid } from '../../shared/ids.ts';
import type { MoveKind } from './move-kind.ts';
import type { MoveRefusal } from './repository.ts';

/** What a repository remembers of the moves that were made for its user, and how they are taken back (SY13). */

/**
 * A move of a local branch that a sync made, or a person here chose. It is there exactly when the move happened; only an `own-merge`, which
 * git makes, can be missing after a crash.
 */
export interface LoggedMove {
  readonly id: string;
  /** Unix milliseconds when it began. */
  readonly at: number;
  readonly kind: MoveKind;
  readonly branch: BranchName;
  /** Null where the branch was not there. */
  readonly from: Oid | null;
  readonly to: Oid | null;
  /** The name of the peer whose state moved it; undefined for what a person did here. */
  readonly by: string | undefined;
  /** The worktree whose index and files moved along. */
  readonly worktree: string | undefined;
  /** The entry that it took back. */
  readonly undoes: string | undefined;
  /** A later entry has taken it back, and was not taken back itself. */
  readonly undone: boolean;
}

/** Why a move was not taken back; nothing has happened then. */
export type UndoRefusal =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'undone'; readonly entry: LoggedMove }
  /** The user's own commit: git takes it back. */
  | { readonly kind: 'own-commit'; readonly entry: LoggedMove }
  /** The branch is not where the move left it; `at` is where it is. */
  | { readonly kind: 'gone-on'; readonly entry: LoggedMove; readonly at: Oid | null }
  /** What the branch was at is not in the repository any more. */
  | { readonly kind: 'pruned'; readonly entry: LoggedMove }
  | { readonly kind: 'move'; readonly entry: LoggedMove; readonly refusal: MoveRefusal };

/** `entry` is what was taken back, `undone` by now. */
export type UndoResult =
  { readonly undone: true; readonly entry: LoggedMove } | { readonly undone: false; readonly refusal: UndoRefusal };
