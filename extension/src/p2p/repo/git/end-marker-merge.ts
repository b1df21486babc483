import { PeerweaveError } from '../../../shared/errors.ts';
import type { Oid } from '../../../shared/ids.ts';
import type { CompleteMerge } from '../marker-merge.ts';
import type { ActivityLog } from './activity-log.ts';
import { GitFailure } from './git-failure.ts';
import type { Git, RunOptions } from './git.ts';
import {
  dropLabel,
  findMarkerFiles,
  findMarkerMerge,
  headOf,
  unmergedPaths,
  type LocatedMerge,
  type MarkerMergeContext,
} from './marker-merge-state.ts';
import { standIn } from './own-identity.ts';
import { diffTrees } from './tree-diff.ts';
import { at } from './worktree-update.ts';
import type { Worktree } from './worktrees.ts';

const MAX_NAMED = 10;
/** Characters of a hook's output that a person is shown: its end says what went wrong. */
const MAX_OUTPUT = 4_000;

/** See `MarkerMerges.complete`. */
export async function completeMarkerMerge(
  context: MarkerMergeContext & { readonly activity: ActivityLog },
  { fallbackName, message, signal }: CompleteMerge,
): Promise<Oid> {
  const { git } = context;
  const merge = await underWay(context);
  const files = await findMarkerFiles(git, merge);
  const left = files.filter(({ state }) => state !== 'resolved');
  if (left.length > 0) throw unresolved(left);
  await stage(
    git,
    merge.worktree,
    files.filter(({ marked }) => marked).map(({ path }) => path),
  );
  // Somebody, a hook of an editor say, may have put a conflict back meanwhile.
  const unmerged = [...(await unmergedPaths(git, merge.worktree))];
  if (unmerged.length > 0) throw unresolved(unmerged.map((path) => ({ path, state: 'unmerged' })));
  await commit(git, merge.worktree, { fallbackName, message, signal });
  const made = await headOf(git, merge.worktree);
  await dropLabel(git, context.gitDir, merge.label);
  if (made === undefined || made === merge.ours)
    throw refused('git said that it had committed, but HEAD did not move.');
  const { branch, ours: from } = merge;
  if (branch !== undefined)
    await context.activity.note({ branch, from, to: made, kind: 'own-merge', message: 'a merge with markers' });
  return made;
}

/** See `MarkerMerges.abort`. `git merge --abort` would take along whatever was staged meanwhile, and edits of files that merged cleanly. */
export async function abortMarkerMerge(context: MarkerMergeContext): Promise<void> {
  const { git, gitDir } = context;
  const merge = await underWay(context);
  const paths = await usersOwn(git, merge);
  if (paths.length > 0) {
    throw new PeerweaveError(
      'move-refused',
      `Going back would take along your changes to ${named(paths)}. Save them elsewhere, or unstage them, first.`,
    );
  }
  await git.run(['merge', '--abort'], { ...at(merge.worktree), write: true, config: ['submodule.recurse=false'] });
  await dropLabel(git, gitDir, merge.label);
}

async function underWay(context: MarkerMergeContext): Promise<LocatedMerge> {
  const merge = await findMarkerMerge(context);
  if (merge !== undefined) return merge;
  throw new PeerweaveError(
    'bad-request',
    'No merge with markers is under way here. Begin one with Resolve With Markers.',
  );
}

/** Files changed since the merge began that are no part of its conflicts, and that going back would not leave as they are. */
async function usersOwn(git: Git, { worktree, ours, ...merge }: LocatedMerge): Promise<string[]> {
  const conflicting = new Set((await findMarkerFiles(git, { worktree, ours, ...merge })).map(({ path }) => path));
  const diff = async (...args: string[]): Promise<string[]> =>
    (await git.run(['diff-index', '--name-only', '-z', ...args], at(worktree))).stdout.split('\0').filter(Boolean);
  // So that files that were only touched do not look changed.
  await git.run(['update-index', '-q', '--refresh'], { ...at(worktree), write: true, answers: [0, 1] });
  const tree = await autoMergeTree(git, worktree);
  const [staged, changed, merged] = await Promise.all([
    diff('--cached', ours),
    tree === undefined ? [] : diff(tree),
    tree === undefined ? [] : diffTrees(git, worktree.gitDir, ours, tree),
  ]);
  const ofMerge = new Set(merged.map(({ path }) => path));
  const own = [...staged.filter((path) => !ofMerge.has(path)), ...changed.filter((path) => ofMerge.has(path))];
  return [...new Set(own)].filter((path) => !conflicting.has(path)).sort();
}

/** What git made of the merge, markers and all. */
async function autoMergeTree(git: Git, worktree: Worktree): Promise<Oid | undefined> {
  const { code, stdout } = await git.run(['rev-parse', '--verify', '--quiet', 'AUTO_MERGE^{tree}'], {
    ...at(worktree),
    answers: [0, 1, 128],
  });
  return code === 0 ? (stdout.trim() as Oid) : undefined;
}

async function stage(git: Git, worktree: Worktree, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  await git.run(['add', '--all', '--force', '--pathspec-from-file=-', '--pathspec-file-nul'], {
    ...at(worktree),
    write: true,
    env: { GIT_LITERAL_PATHSPECS: '1' },
    input: paths.map((path) => `${path}\0`).join(''),
  });
}

/** The user's own commit: their name, their hooks, their signature. Git takes back nothing of the merge when one of them says no. */
async function commit(git: Git, worktree: Worktree, { fallbackName, message, signal }: CompleteMerge): Promise<void> {
  // Git's own words for the files in conflict are comments; in what a person wrote a line may well begin with `#`.
  const args = message === undefined ? ['--no-edit', '--cleanup=strip'] : ['--file=-', '--cleanup=whitespace'];
  const user = { ...at(worktree), write: true, hooks: true };
  const options: RunOptions = {
    ...user,
    config: await standIn(git, user, fallbackName),
    answers: [0, 1, 128],
    ...(message === undefined ? {} : { input: message }),
    ...(signal === undefined ? {} : { signal }),
  };
  const { code, stdout, stderr } = await git.run(['commit', '--quiet', ...args], options);
  if (code === 0) return;
  const failure = new GitFailure('commit', code, stderr);
  if (failure.reason !== 'internal') throw failure;
  throw refused(`${stdout}${stderr}`);
}

const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

function refused(output: string): PeerweaveError {
  const said = output.replace(ESCAPES, '').trim().slice(-MAX_OUTPUT);
  return new PeerweaveError(
    'commit-refused',
    `The merge was not committed and is as it was. Do what git or your hook says, and complete it again:\n${said}`,
  );
}

function unresolved(files: readonly { readonly path: string; readonly state: string }[]): PeerweaveError {
  const of = (state: string): string[] => files.filter((file) => file.state === state).map(({ path }) => path);
  const [marked, undecided] = [of('markers'), of('unmerged')];
  const parts = [
    ...(marked.length === 0 ? [] : [`Conflict markers are left in ${named(marked)}.`]),
    ...(undecided.length === 0 ? [] : [`Choose and stage a version of ${named(undecided)}.`]),
  ];
  return new PeerweaveError('conflict-unresolved', parts.join(' '));
}

function named(paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_NAMED).join(', ');
  return paths.length > MAX_NAMED ? `${shown} and ${paths.length - MAX_NAMED} more` : shown;
}
