import type { ConflictTarget } from '../../rpc/conflicts.ts';
import type { MarkerBlock } from '../repo/conflict-markers.ts';
import type { Span } from './line-diff.ts';

/** What an open file has to tell about diverged branches: found by `divergence-prompts.ts` and `merge-prompts.ts`, shown as lenses and the like. */

/** `lines`: the rest of the prompt says which. The others are about the file as a whole. */
export type PeerDeed = 'lines' | 'file' | 'added-file' | 'deleted-file' | 'renamed-file';

/** A peer whose branch diverged changed this. */
export interface DivergencePrompt {
  readonly deed: PeerDeed;
  /** Where in the buffer; of a whole file its first line. */
  readonly span: Span;
  /** The user changed it too: it will not merge by itself. */
  readonly contested: boolean;
  /** Whose branch it is, as the peers call themselves. */
  readonly names: readonly string[];
  /** The commit that changed it. */
  readonly commit: string;
  /** Their lines in its place. Of a whole file none. */
  readonly theirs: readonly string[];
  readonly target: ConflictTarget;
}

/** A merge with markers that this file is part of. */
export interface MergePrompt {
  readonly names: readonly string[];
  readonly target: ConflictTarget & { readonly tip: string };
  readonly blocks: readonly MarkerBlock[];
  /** Files of the merge, this one among them, that are not settled; none when it can be completed. */
  readonly left: number;
}

/** Everything that one document shows. */
export interface DocumentPrompts {
  readonly divergences: readonly DivergencePrompt[];
  /** There are more than are shown. */
  readonly more: boolean;
  readonly merge: MergePrompt | undefined;
}

export const NO_PROMPTS: DocumentPrompts = { divergences: [], more: false, merge: undefined };
