import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { ConflictFile } from '../merge.ts';
import { conflictFiles, mergedPaths } from './conflict-kinds.ts';
import { unmergeablePaths } from './merge-attributes.ts';
import { caseConflicts, caseRivals } from './merge-case.ts';
import { writeMergeCommit } from './merge-object.ts';
import type { MergeRoom } from './merge-room.ts';
import { mergeTree } from './merge-tree.ts';

/** Heads that one merge takes. More people than that at odds on one branch are past what a machine should settle. */
export const MAX_HEADS = 16;

/** What merging heads one after the other came to. */
export interface Fold {
  /** Heads that merge with each other, in the order given; the first is always one. */
  readonly merged: readonly Oid[];
  /** Their tree. */
  readonly tree: Oid;
  /** The heads that do not, each with the files that stand against those before it; no files when they share no history. */
  readonly left: readonly {
    readonly head: Oid;
    readonly files: readonly ConflictFile[];
    readonly unrelated: boolean;
  }[];
  /** Files that several changed and that merge line by line. */
  readonly files: readonly string[];
}

/**
 * Merges heads in the order given, each into what those before it came to; one that does not merge is left out. The same order gives the
 * same outcome everywhere. What lies between is committed in the room, because git finds the bases by commits.
 */
export async function foldHeads(room: MergeRoom, heads: readonly Oid[]): Promise<Fold> {
  checkHeads(heads);
  const [first, ...rest] = heads;
  let tip = first;
  let tree: Oid | undefined;
  const merged = [first];
  const left: { head: Oid; files: readonly ConflictFile[]; unrelated: boolean }[] = [];
  const files = new Set<string>();
  for (const [i, head] of rest.entries()) {
    const step = await mergeStep(room, tip, head, [...merged, head]);
    if (step.tree === undefined) {
      left.push({ head, files: step.files, unrelated: step.unrelated });
      continue;
    }
    merged.push(head);
    tree = step.tree;
    for (const path of step.merged) files.add(path);
    if (i < rest.length - 1) tip = await writeMergeCommit(room, { tree, parents: [tip, head], message: 'between\n' });
  }
  return { merged, tree: tree ?? (await treeOf(room, first)), left, files: [...files].sort() };
}

/** Throws `PeerweaveError` with `bad-request` unless these are as many different heads as one merge takes. */
export function checkHeads(heads: readonly Oid[]): asserts heads is readonly [Oid, ...Oid[]] {
  if (heads.length > 1 && heads.length <= MAX_HEADS && new Set(heads).size === heads.length) return;
  throw new PeerweaveError('bad-request', `A merge takes 2 to ${MAX_HEADS} different commits.`);
}

export interface Step {
  /** Undefined when they do not merge. */
  readonly tree: Oid | undefined;
  /** The same, or what git makes of it all the same: files with conflict markers, and files moved out of each other's way. */
  readonly trial: Oid | undefined;
  /** Paths of `trial` that people have to decide. */
  readonly open: readonly string[];
  readonly files: readonly ConflictFile[];
  readonly merged: readonly string[];
  readonly unrelated: boolean;
}

/** Merges one commit into another. `heads` are those whose `.gitattributes` count. */
export async function mergeStep(room: MergeRoom, ours: Oid, theirs: Oid, heads: readonly Oid[]): Promise<Step> {
  const [result, rivals] = await Promise.all([mergeTree(room, ours, theirs), caseRivals(room, ours, theirs)]);
  if (result === undefined) {
    return { tree: undefined, trial: undefined, open: [], files: [], merged: [], unrelated: true };
  }
  const merged = mergedPaths(result);
  const special = new Set(await unmergeablePaths(room, heads, merged));
  const collisions = await caseConflicts(room, result.tree, rivals);
  const files = [
    ...conflictFiles(result, [ours, theirs]),
    ...collisions,
    ...[...special].map((path): ConflictFile => ({ path, kinds: ['attributes'], related: [], ...NO_STAGES })),
  ];
  // What was cut off may be the one message that matters.
  const clean = result.clean && special.size === 0 && collisions.length === 0 && !result.truncated;
  return {
    tree: clean ? result.tree : undefined,
    trial: result.tree,
    open: [...result.stages.keys(), ...special, ...collisions.flatMap(({ path, related }) => [path, ...related])],
    files,
    merged: merged.filter((path) => !special.has(path)),
    unrelated: false,
  };
}

const NO_STAGES = { base: undefined, ours: undefined, theirs: undefined };

/** The trees of these commits, in the same order. */
export async function treesOf(room: MergeRoom, commits: readonly Oid[]): Promise<Oid[]> {
  const { stdout } = await room.run(['rev-parse', ...commits.map((commit) => `${commit}^{tree}`)]);
  return stdout.split('\n').filter((line) => isOid(line));
}

export async function treeOf(room: MergeRoom, commit: Oid): Promise<Oid> {
  const [tree] = await treesOf(room, [commit]);
  if (tree === undefined) throw new PeerweaveError('object-missing', `The commit ${commit} is not here.`);
  return tree;
}
