import type { Oid } from '../../../shared/ids.ts';
import type { ConflictFile } from '../merge.ts';
import { checkHeads, mergeStep, treeOf } from './merge-fold.ts';
import { writeMergeCommit } from './merge-object.ts';
import type { MergeRoom } from './merge-room.ts';

/** What merging heads one after the other came to, files that do not merge included. */
export interface Through {
  /** All of them; where people have to decide, as git leaves it in a worktree. */
  readonly tree: Oid;
  /** Heads that do not merge with those before them, each with the files that stand against them. */
  readonly conflicts: readonly { readonly head: Oid; readonly files: readonly ConflictFile[] }[];
  /** Heads that share no history with those before them; they are not in the tree. */
  readonly unrelated: readonly Oid[];
  /** Paths of the tree that people have to decide. */
  readonly open: ReadonlySet<string>;
  /** Files that several changed and that merge line by line. */
  readonly merged: readonly string[];
}

/**
 * Merges heads in the order given, through conflicts: what people are to decide is left in the tree, and the next head is merged into
 * that. So each file that needs a decision is told, between whichever sides it is.
 */
export async function mergeThrough(room: MergeRoom, heads: readonly Oid[]): Promise<Through> {
  checkHeads(heads);
  const [first, ...rest] = heads;
  let tip = first;
  let tree: Oid | undefined;
  const seen = [first];
  const conflicts: { head: Oid; files: readonly ConflictFile[] }[] = [];
  const unrelated: Oid[] = [];
  const open = new Set<string>();
  const merged = new Set<string>();
  for (const [i, head] of rest.entries()) {
    const step = await mergeStep(room, tip, head, [...seen, head]);
    if (step.trial === undefined) {
      unrelated.push(head);
      continue;
    }
    seen.push(head);
    tree = step.trial;
    if (step.tree === undefined) conflicts.push({ head, files: step.files });
    for (const path of step.open) open.add(path);
    for (const path of step.merged) merged.add(path);
    if (i < rest.length - 1) tip = await writeMergeCommit(room, { tree, parents: [tip, head], message: 'between\n' });
  }
  const undecided = new Set(conflicts.flatMap(({ files }) => files.map(({ path }) => path)));
  return {
    tree: tree ?? (await treeOf(room, first)),
    conflicts,
    unrelated,
    open,
    merged: [...merged].filter((path) => !undecided.has(path)).sort(),
  };
}
