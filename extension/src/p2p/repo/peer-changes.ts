import type { BranchName, Oid } from '../../shared/ids.ts';

/** What a diverged commit did to files since it parted from ours, as far as an editor wants to know. */

export type PeerChangeKind = 'modified' | 'added' | 'deleted';

export interface PeerChange {
  readonly kind: PeerChangeKind;
  /** What the file was called where they parted; null when it was not there. */
  readonly basePath: string | null;
  /** What they call it; null when they deleted it. */
  readonly theirPath: string | null;
  /** They changed nothing but its name or mode. */
  readonly sameContent: boolean;
}

export interface PeerChanges {
  /** The best common ancestor, the first of several; undefined when they share no history. */
  readonly base: Oid | undefined;
  /** By what *we* call the file now. Files that we do not have are left out, but those that both added. */
  readonly files: ReadonlyMap<string, PeerChange>;
}

/** Lines `line` (from 0) to `line + count` of a version were last changed by this commit. */
export interface LineOrigin {
  readonly line: number;
  readonly count: number;
  readonly commit: Oid;
}

/** A folder of the repository that a branch can be checked out in. */
export interface CheckedOut {
  /** Absolute, with links resolved. */
  readonly root: string;
  readonly branch: BranchName | undefined;
}
