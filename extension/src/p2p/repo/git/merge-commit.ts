import { PeerweaveError } from '../../../shared/errors.ts';
import type { BranchName, Oid } from '../../../shared/ids.ts';
import type { MergeRequest, MergeResult } from '../merge.ts';
import type { ObjectFormat } from '../repository.ts';
import { checkHeads, foldHeads, treeOf, treesOf } from './merge-fold.ts';
import type { Git } from './git.ts';
import { writeMergeCommit } from './merge-object.ts';
import { MergeRoom } from './merge-room.ts';
import { publishCommit } from './publish-commit.ts';

export interface MergeContext {
  readonly git: Git;
  /** The common git directory. */
  readonly gitDir: string;
  readonly format: ObjectFormat;
}

/**
 * See `Repository.mergeHeads`. The same heads, in whatever order, give the same commit to everybody (D3): it depends on nothing but the
 * heads, the branch's name and `take`.
 */
export async function mergeHeads(context: MergeContext, request: MergeRequest): Promise<MergeResult> {
  const { git, gitDir, format } = context;
  const { signal, timeoutMs } = request;
  const room = await MergeRoom.open(git, gitDir, { format, signal, timeoutMs });
  try {
    // By id, which is the same for everybody; the order decides what is left out when not all merge.
    const heads = [...request.heads].sort();
    const plan = request.take === undefined ? await planClean(room, heads) : await planTake(room, heads, request.take);
    if ('outcome' in plan) return plan;
    const { tree, parents } = plan;
    const commit = await writeMergeCommit(room, { tree, parents, message: mergeMessage(request.branch) });
    await publishCommit(context, room, { commit, parents });
    return { outcome: 'merged', commit, parents };
  } finally {
    await room.close();
  }
}

interface Plan {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
}

async function planClean(room: MergeRoom, heads: readonly Oid[]): Promise<Plan | MergeResult> {
  const [trees, { merged, tree, left }] = await Promise.all([treesOf(room, heads), foldHeads(room, heads)]);
  const [same] = trees;
  // Also of heads without a common history, which git would not merge.
  if (same !== undefined && new Set(trees).size === 1) return { tree: same, parents: heads };
  if (merged.length > 1) return { tree, parents: merged };
  if (left.every(({ unrelated }) => unrelated)) return { outcome: 'unrelated' };
  return { outcome: 'conflicts', files: left.flatMap(({ files }) => files) };
}

async function planTake(room: MergeRoom, heads: readonly Oid[], take: Oid): Promise<Plan> {
  checkHeads(heads);
  if (!heads.includes(take)) {
    throw new PeerweaveError('bad-request', 'The side to take is none of those that are merged.');
  }
  return { tree: await treeOf(room, take), parents: heads };
}

/** Nothing of who made it, when, or how: those who settle in different ways with the same outcome make the same commit. */
const mergeMessage = (branch: BranchName): string => `Merge what diverged on ${branch}\n`;
