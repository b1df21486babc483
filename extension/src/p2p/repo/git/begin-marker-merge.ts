import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { MarkerMergeRefusal, MarkerMergeRequest, MarkerMergeResult } from '../marker-merge.ts';
import { sensitivePaths } from '../sensitive-paths.ts';
import { exists, readText } from './files.ts';
import { GitFailure } from './git-failure.ts';
import type { RunOptions } from './git.ts';
import type { RepositoryTraits } from './inspect.ts';
import {
  headOf,
  labelOf,
  mergingLabels,
  mergingRef,
  unmergedPaths,
  type MarkerMergeContext,
} from './marker-merge-state.ts';
import { mergeTree } from './merge-tree.ts';
import { Staging } from './staging.ts';
import { ABSENT, diffTrees, type TreeChange } from './tree-diff.ts';
import { at, untrackedInTheWay } from './worktree-update.ts';
import { listWorktrees, type Worktree } from './worktrees.ts';

/**
 * How git merges, said outright: with the ancestor's lines between the markers unless the user chose a style, nothing that the user set
 * for merges of their own to happen besides. The user's merge drivers and filters do run, as in any merge of theirs: what came from a
 * peer can name them in `.gitattributes`, and only the user's configuration says what they are. LFS does not fetch (`git.ts`).
 */
const MERGE_CONFIG = ['merge.renames=true', 'merge.directoryRenames=conflict', 'submodule.recurse=false'];
const MERGE_FLAGS = ['--no-ff', '--no-commit', '--no-squash', '--no-autostash', '--no-rerere-autoupdate', '--no-stat'];

interface Context extends MarkerMergeContext {
  readonly traits: RepositoryTraits;
}

/** See `MarkerMerges.begin`. Everything that could be in the way is looked at first: git itself would shelve changes and put them back. */
export async function beginMarkerMerge(context: Context, request: MarkerMergeRequest): Promise<MarkerMergeResult> {
  const { branch, ours } = request;
  const refused = (refusal: MarkerMergeRefusal): MarkerMergeResult => ({ begun: false, refusal });
  const holders = (await listWorktrees(context.refs, context.gitDir)).filter(
    ({ head, operatesOn }) => head === branch || operatesOn === branch,
  );
  const [worktree, second] = holders;
  if (worktree === undefined) return refused({ kind: 'not-checked-out' });
  const busy = holders.find(({ operation }) => operation !== undefined)?.operation;
  if (busy !== undefined) return refused({ kind: 'operation-in-progress', operation: busy });
  if (second !== undefined)
    return refused(failed(`${branch} is checked out in two worktrees; switch one of them to another branch.`));
  const lock = join(worktree.gitDir, 'index.lock');
  if (await exists(lock)) return refused({ kind: 'locked', path: lock });
  if ((await headOf(context.git, worktree)) !== ours) return refused({ kind: 'ref-moved' });
  const obstacle = await inTheWay(context, worktree, request);
  return obstacle === undefined ? merge(context, worktree, request) : refused(obstacle);
}

/** What the merge would run over, or bring in unseen. */
async function inTheWay(
  context: Context,
  worktree: Worktree,
  { ours, theirs, reviewed, signal }: MarkerMergeRequest,
): Promise<MarkerMergeRefusal | undefined> {
  const [changes, local] = await Promise.all([
    changesOf(context, worktree, [ours, theirs], signal),
    localChanges(context, worktree),
  ]);
  if (changes === undefined) return failed('the two sides share no history');
  const touched = new Set(changes.map(({ path }) => path));
  const paths = local.filter(({ path, staged }) => staged || touched.has(path)).map(({ path }) => path);
  if (paths.length > 0) return { kind: 'local-changes', paths };
  const untracked = await untrackedInTheWay(worktree, changes);
  if (untracked.length > 0) return { kind: 'local-changes', paths: untracked };
  if (reviewed === true) return undefined;
  const appearing = changes.filter(({ toMode }) => toMode !== ABSENT).map(({ path }) => path);
  const sensitive = sensitivePaths(appearing, context.traits.hooksPath);
  return sensitive.length > 0 ? { kind: 'sensitive-files', paths: sensitive } : undefined;
}

/** What the merge will change in the worktree, by the user's own configuration; undefined when there is nothing to merge by. */
async function changesOf(
  { git, gitDir }: Context,
  worktree: Worktree,
  [ours, theirs]: readonly [MarkerMergeRequest['ours'], MarkerMergeRequest['theirs']],
  signal: AbortSignal | undefined,
): Promise<readonly TreeChange[] | undefined> {
  const staging = await Staging.create(gitDir);
  try {
    const options: RunOptions = {
      ...at(worktree),
      env: staging.env(),
      config: MERGE_CONFIG,
      ...(signal === undefined ? {} : { signal }),
    };
    const run = async (args: readonly string[], more: { readonly answers?: readonly number[] } = {}) => ({
      ...(await git.run(args, { ...options, ...more })),
      truncated: false,
    });
    const result = await mergeTree({ run }, ours, theirs);
    if (result === undefined) return undefined;
    return await diffTrees(git, gitDir, ours, result.tree, staging.env());
  } finally {
    await staging.remove();
  }
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

async function merge(
  { git, gitDir }: Context,
  worktree: Worktree,
  { branch, theirs, whose, message }: MarkerMergeRequest,
): Promise<MarkerMergeResult> {
  const label = labelOf(whose, theirs);
  await sweepLabels(git, gitDir, label);
  await git.run(['update-ref', '--no-deref', mergingRef(label), theirs], { gitDir, write: true });
  const style = await git.run(['config', '--get', 'merge.conflictStyle'], { ...at(worktree), answers: [0, 1] });
  const config = [
    ...MERGE_CONFIG,
    // Options that the user wants for every merge into this branch, such as a squash.
    `branch.${branch}.mergeOptions=`,
    ...(style.code === 0 ? [] : ['merge.conflictStyle=zdiff3']),
  ];
  const options: RunOptions = { ...at(worktree), write: true, config, answers: [0, 1, 2, 128] };
  // No signal: a merge that has begun is not cut in half.
  const args = ['merge', ...MERGE_FLAGS, '--quiet', '-m', message, label];
  const { code, stdout, stderr } = await git.run(args, options);
  const begun = (await readText(join(worktree.gitDir, 'MERGE_HEAD')))?.trim() === theirs;
  if (begun) return { begun: true, files: [...(await unmergedPaths(git, worktree))].sort() };
  await dropLabel(git, gitDir, label);
  const failure = new GitFailure('merge', code, `${stderr}${stdout}`);
  if (failure.reason !== 'internal') throw failure;
  return { begun: false, refusal: failed(`git merge did not begin: ${messageOf(failure)}`) };
}

/** Labels of merges that ended without us: the user committed or aborted by themselves. */
async function sweepLabels(git: MarkerMergeContext['git'], gitDir: string, except: string): Promise<void> {
  const left = (await mergingLabels(git, gitDir)).filter(({ label }) => label !== except);
  await Promise.all(left.map(({ label }) => dropLabel(git, gitDir, label)));
}

export async function dropLabel(git: MarkerMergeContext['git'], gitDir: string, label: string): Promise<void> {
  await git.run(['update-ref', '--no-deref', '-d', mergingRef(label)], { gitDir, write: true });
}

const failed = (message: string): MarkerMergeRefusal => ({ kind: 'failed', message });
