import { join } from 'node:path';
import { messageOf, PeerweaveError } from '../../../shared/errors.ts';
import { branchRef, type Oid } from '../../../shared/ids.ts';
import type { MarkerMergeRefusal, MarkerMergeRequest, MarkerMergeResult } from '../marker-merge.ts';
import { sensitivePaths } from '../sensitive-paths.ts';
import { exists } from './files.ts';
import { asFileFailure } from './git-failure.ts';
import type { RunOptions } from './git.ts';
import { IndexLock } from './index-lock.ts';
import type { RepositoryTraits } from './inspect.ts';
import { Journal, type JournalRecord } from './journal.ts';
import { settleMarkerMerge, writeMergeState, writeStages } from './marker-merge-record.ts';
import {
  dropLabel,
  headOf,
  labelOf,
  mergingLabels,
  mergingRef,
  type MarkerMergeContext,
} from './marker-merge-state.ts';
import { mergeTree, type MergeTreeResult } from './merge-tree.ts';
import { Staging } from './staging.ts';
import { ABSENT, diffTrees, type TreeChange } from './tree-diff.ts';
import { at, untrackedInTheWay, updateWorktree } from './worktree-update.ts';
import { listWorktrees, type Worktree } from './worktrees.ts';

/**
 * How git merges, said outright: with the ancestor's lines between the markers unless the user chose a style. The user's merge drivers and
 * filters do run, as in any merge of theirs: what came from a peer can name them in `.gitattributes`, and only the user's configuration
 * says what they are. LFS does not fetch (`git.ts`).
 */
const MERGE_CONFIG = ['merge.renames=true', 'merge.directoryRenames=conflict', 'submodule.recurse=false'];

interface Context extends MarkerMergeContext {
  readonly traits: RepositoryTraits;
}

/** What a merge comes to. Its objects are in staging. */
interface Plan {
  readonly label: string;
  readonly result: MergeTreeResult;
  /** What it changes in the worktree. */
  readonly changes: readonly TreeChange[];
}

/**
 * See `MarkerMerges.begin`. Not by `git merge`: that one shelves what is not committed when it cannot go on, and on a full disk loses it.
 * The merge is made beside (git-merge-tree(1), the same code), and then index and files move to it as in a move of a branch: journaled, all
 * or nothing.
 */
export async function beginMarkerMerge(context: Context, request: MarkerMergeRequest): Promise<MarkerMergeResult> {
  const { git, gitDir } = context;
  const found = await placeFor(context, request);
  if ('kind' in found) return refused(found);
  const label = labelOf(request.whose, request.theirs);
  const staging = await Staging.create(gitDir);
  let begun = false;
  try {
    await sweepLabels(context, label);
    await git.run(['update-ref', '--no-deref', mergingRef(label), request.theirs], { gitDir, write: true });
    const plan = await planMerge(context, found, request, { label, staging });
    if (plan === undefined) return refused(failed('the two sides share no history'));
    const obstacle = await inTheWay(context, found, request, plan.changes);
    if (obstacle !== undefined) return refused(obstacle);
    // A merge that has begun is not cut in half, so nothing listens to the signal from here on.
    await staging.publish();
    const refusal = await perform(context, found, request, plan);
    if (refusal !== undefined) return refused(refusal);
    begun = true;
    // Does something only for who wants it: what was decided before is put in again.
    await git.run(['rerere'], { ...at(found), write: true, answers: [0, 1, 128] });
    return { begun: true, files: [...plan.result.stages.keys()].sort() };
  } catch (error) {
    throw asFileFailure(error);
  } finally {
    await staging.remove();
    if (!begun) await dropLabel(git, gitDir, label).catch(() => undefined);
  }
}

/** The worktree that has the branch, if a merge can begin there at all. */
async function placeFor(
  context: Context,
  { branch, ours }: MarkerMergeRequest,
): Promise<Worktree | MarkerMergeRefusal> {
  const holders = (await listWorktrees(context.refs, context.gitDir)).filter(
    ({ head, operatesOn }) => head === branch || operatesOn === branch,
  );
  const [worktree, second] = holders;
  if (worktree === undefined) return { kind: 'not-checked-out' };
  const busy = holders.find(({ operation }) => operation !== undefined)?.operation;
  if (busy !== undefined) return { kind: 'operation-in-progress', operation: busy };
  if (second !== undefined)
    return failed(`${branch} is checked out in two worktrees; switch one of them to another branch.`);
  const lock = join(worktree.gitDir, 'index.lock');
  if (await exists(lock)) return { kind: 'locked', path: lock };
  return (await headOf(context.git, worktree)) === ours ? worktree : { kind: 'ref-moved' };
}

/** Merges beside the worktree, by the user's own configuration; undefined when there is nothing to merge by. */
async function planMerge(
  { git, gitDir }: Context,
  worktree: Worktree,
  { ours, signal }: MarkerMergeRequest,
  { label, staging }: { readonly label: string; readonly staging: Staging },
): Promise<Plan | undefined> {
  const style = await git.run(['config', '--get', 'merge.conflictStyle'], { ...at(worktree), answers: [0, 1] });
  const options: RunOptions = {
    ...at(worktree),
    env: staging.env(),
    config: [...MERGE_CONFIG, ...(style.code === 0 ? [] : ['merge.conflictStyle=zdiff3'])],
    ...(signal === undefined ? {} : { signal }),
  };
  const run = async (args: readonly string[], more: { readonly answers?: readonly number[] } = {}) => ({
    ...(await git.run(args, { ...options, ...more })),
    truncated: false,
  });
  // The names as they are given here are those in the markers.
  const result = await mergeTree({ run }, 'HEAD' as Oid, label as Oid);
  if (result === undefined) return undefined;
  return { label, result, changes: await diffTrees(git, gitDir, ours, result.tree, staging.env()) };
}

/** What the merge would run over, or bring in unseen. */
async function inTheWay(
  context: Context,
  worktree: Worktree,
  { reviewed }: MarkerMergeRequest,
  changes: readonly TreeChange[],
): Promise<MarkerMergeRefusal | undefined> {
  const touched = new Set(changes.map(({ path }) => path));
  const local = await localChanges(context, worktree);
  const paths = local.filter(({ path, staged }) => staged || touched.has(path)).map(({ path }) => path);
  if (paths.length > 0) return { kind: 'local-changes', paths };
  const untracked = await untrackedInTheWay(worktree, changes);
  if (untracked.length > 0) return { kind: 'local-changes', paths: untracked };
  if (reviewed === true) return undefined;
  const appearing = changes.filter(({ toMode }) => toMode !== ABSENT).map(({ path }) => path);
  const sensitive = sensitivePaths(appearing, context.traits.hooksPath);
  return sensitive.length > 0 ? { kind: 'sensitive-files', paths: sensitive } : undefined;
}

/** What is not committed, by path; untracked files are looked at elsewhere. */
async function localChanges({ git }: Context, worktree: Worktree): Promise<{ path: string; staged: boolean }[]> {
  const { stdout } = await git.run(
    ['status', '--porcelain=v1', '-z', '--untracked-files=no', '--no-renames', '--ignore-submodules=dirty'],
    at(worktree),
  );
  return stdout
    .split('\0')
    .filter(Boolean)
    .map((entry) => ({ path: entry.slice(3), staged: !entry.startsWith(' ') }));
}

/** Journal, files, what tells of the merge, index: in this order. Resolves to a refusal when somebody was faster. */
async function perform(
  context: Context,
  worktree: Worktree,
  { branch, ours, theirs, message }: MarkerMergeRequest,
  { label, result }: Plan,
): Promise<MarkerMergeRefusal | undefined> {
  const place = { root: worktree.root, gitDir: worktree.gitDir };
  const record = await new Journal(context.gitDir).write({
    branch,
    from: ours,
    to: theirs,
    message,
    kind: 'merge',
    at: Date.now(),
    worktree: place,
    markers: { tree: result.tree, label },
    pid: process.pid,
  });
  let settled = true;
  const lock = await IndexLock.take(worktree.gitDir, record);
  try {
    if (lock === undefined) return { kind: 'locked', path: join(worktree.gitDir, 'index.lock') };
    if ((await context.refs.one(branchRef(branch))) !== ours) return { kind: 'ref-moved' };
    const held = { lock, record };
    return await updateWorktree(context.git, place, held, ours, result.tree, async (options) => {
      await writeStages(context.git, options, result.stages);
      await writeMergeState(context.git, place, { ours, theirs, tree: result.tree, message });
    });
  } catch (error) {
    settled = false;
    const outcome = lock === undefined ? 'over' : await settle(context, record, lock, error);
    settled = true;
    if (outcome === 'begun') return undefined;
    throw error;
  } finally {
    await lock?.release();
    if (settled) await record.remove();
    else record.leave();
  }
}

/** Takes back what was begun and could not go on; when that fails too, the next opening of the repository does it. */
async function settle(context: Context, record: JournalRecord, lock: IndexLock, cause: unknown): Promise<string> {
  const { worktree } = record.entry;
  if (worktree === null) return 'over';
  try {
    return await settleMarkerMerge(context, record.entry, worktree, lock);
  } catch (error) {
    const message = `${messageOf(cause)} Going back failed too, and is tried again on opening: ${messageOf(error)}`;
    throw new PeerweaveError('internal', message, { cause: error });
  }
}

/** Labels of merges that ended without us: the user committed or aborted by themselves. */
async function sweepLabels({ git, gitDir }: Context, except: string): Promise<void> {
  const left = (await mergingLabels(git, gitDir)).filter(({ label }) => label !== except);
  await Promise.all(left.map(({ label }) => dropLabel(git, gitDir, label)));
}

const failed = (message: string): MarkerMergeRefusal => ({ kind: 'failed', message });
const refused = (refusal: MarkerMergeRefusal): MarkerMergeResult => ({ begun: false, refusal });
