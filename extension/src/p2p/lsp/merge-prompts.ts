import { hasMarkersOf, parseMarkers } from '../repo/conflict-markers.ts';
import { linesOf } from './line-diff.ts';
import type { MergePrompt } from './prompt.ts';
import type { Place } from './surroundings.ts';

/** Conflicts of one file that have lenses. */
const MAX_BLOCKS = 500;

/** The text of a file that is open, perhaps not saved; undefined for any other. Paths are from the worktree's root. */
export type OpenText = (path: string) => string | undefined;

/** What a file of a merge with markers has to tell; undefined for files that are no part of one. What is open counts, saved or not. */
export function mergePrompt(
  { merge, repo }: Pick<Place, 'merge' | 'repo'>,
  path: string,
  openText: OpenText,
): MergePrompt | undefined {
  const branch = merge?.branch;
  if (merge === undefined || branch === undefined || !merge.files.some((file) => file.path === path)) return undefined;
  const { label, owners, theirs } = merge;
  const isLeft = (file: (typeof merge.files)[number]): boolean => {
    const text = openText(file.path);
    if (file.state === 'unmerged' || text === undefined) return file.state !== 'resolved';
    return hasMarkersOf(text, label);
  };
  const blocks = parseMarkers(linesOf(openText(path) ?? '')).filter((block) => block.theirs === label);
  return {
    names: owners,
    target: { repo, branch, tip: theirs, path },
    blocks: blocks.slice(0, MAX_BLOCKS),
    left: merge.files.filter(isLeft).length,
  };
}
