import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import { branchRef } from '../../../shared/ids.ts';
import { readText } from './files.ts';
import type { Git, RunOptions } from './git.ts';
import type { IndexLock } from './index-lock.ts';
import type { JournalEntry } from './journal.ts';
import { dropLabel, unmergedPaths } from './marker-merge-state.ts';
import type { Stages } from './merge-tree.ts';
import type { RefReader } from './ref-reader.ts';
import { undoUpdate } from './undo-update.ts';
import { at, type Place } from './worktree-update.ts';

/**
 * What tells git, and whoever asks git, that a merge is in progress: the sides in the index and a few files beside it (git-merge(1), and
 * builtin/merge.c, `write_merge_state`). All of it comes before the index that belongs to it, so that a crash leaves either a whole merge
 * or what `settleMarkerMerge` takes back.
 */

/** Puts the sides of what does not merge into the index that git works on (`options.env`). */
export async function writeStages(git: Git, options: RunOptions, stages: ReadonlyMap<string, Stages>): Promise<void> {
  const lines: string[] = [];
  for (const [path, sides] of stages) {
    const [sample] = Object.values(sides);
    // Mode 0 takes away what is there (git-update-index(1), --index-info).
    lines.push(`0 ${'0'.repeat(sample?.oid.length ?? 40)}\t${path}\0`);
    for (const [stage, side] of Object.entries(sides)) {
      lines.push(`${side.mode} ${side.oid} ${stage}\t${path}\0`);
    }
  }
  if (lines.length === 0) return;
  await git.run(['update-index', '-z', '--index-info'], { ...options, answers: [0], input: lines.join('') });
}

/** Writes the files of a merge in progress, `MERGE_HEAD` last. */
export async function writeMergeState(
  git: Git,
  worktree: Place,
  {
    ours,
    theirs,
    tree,
    message,
  }: { readonly ours: Oid; readonly theirs: Oid; readonly tree: Oid; readonly message: string },
): Promise<void> {
  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(worktree.gitDir, name), text, { flush: true });
  await git.run(['update-ref', '--no-deref', '--stdin'], {
    ...at(worktree),
    write: true,
    input: `update ORIG_HEAD ${ours}\nupdate AUTO_MERGE ${tree}\n`,
  });
  await write('MERGE_MSG', `${message}\n`);
  await write('MERGE_MODE', 'no-ff');
  await write('MERGE_HEAD', `${theirs}\n`);
}

/**
 * Ends what a crash or a failure cut short: a merge whose index is in place goes on; otherwise files go back, where what lies there is what
 * the merge wrote. `over` when the branch is elsewhere: then the user went on, and nothing is touched.
 */
export async function settleMarkerMerge(
  { git, gitDir, refs }: { readonly git: Git; readonly gitDir: string; readonly refs: RefReader },
  entry: JournalEntry,
  worktree: Place,
  lock: IndexLock,
): Promise<'begun' | 'undone' | 'over'> {
  const { branch, from, to, markers } = entry;
  if (markers === undefined || from === null || to === null) return 'over';
  if ((await refs.one(branchRef(branch))) !== from) return 'over';
  const merging = (await readText(join(worktree.gitDir, 'MERGE_HEAD')))?.trim();
  if (merging !== undefined && merging !== to) return 'over';
  if (merging === to && (await indexHolds(git, worktree, markers.tree))) return 'begun';
  await undoUpdate(git, worktree, lock, from, markers.tree);
  await removeMergeState(git, worktree, { message: entry.message, tree: markers.tree });
  await dropLabel(git, gitDir, markers.label);
  return 'undone';
}

/** Takes back what `writeMergeState` wrote, as far as it got. `ORIG_HEAD` says where HEAD is, and stays. */
async function removeMergeState(
  git: Git,
  worktree: Place,
  { message, tree }: { readonly message: string; readonly tree: Oid },
): Promise<void> {
  const path = (name: string): string => join(worktree.gitDir, name);
  await rm(path('MERGE_HEAD'), { force: true });
  await rm(path('MERGE_MODE'), { force: true });
  // What some other command left for the next commit to say is not ours.
  if ((await readText(path('MERGE_MSG'))) === `${message}\n`) await rm(path('MERGE_MSG'));
  await git.run(['update-ref', '--no-deref', '-d', 'AUTO_MERGE', tree], {
    ...at(worktree),
    write: true,
    answers: [0, 1, 128],
  });
}

/** True when the index is the one that was made for the merge: it has stages, or where everything merged it is the result. */
async function indexHolds(git: Git, worktree: Place, tree: Oid): Promise<boolean> {
  if ((await unmergedPaths(git, worktree)).size > 0) return true;
  const { code } = await git.run(['diff-index', '--cached', '--quiet', tree], { ...at(worktree), answers: [0, 1] });
  return code === 0;
}
