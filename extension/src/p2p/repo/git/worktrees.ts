import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { BranchName } from '../../../shared/ids.ts';
import { isMissing, readText } from './files.ts';
import type { RefReader } from './ref-reader.ts';

/** A worktree of the repository, read from disk (gitrepository-layout(5)). */
export interface Worktree {
  readonly root: string;
  /** Its own git directory, with HEAD and index: the common one for the main worktree. */
  readonly gitDir: string;
  readonly head: BranchName | undefined;
  /** What the user has begun and not ended here, in git's word; undefined when nothing. */
  readonly operation: string | undefined;
  /** The branch that such an operation will move when it ends, while HEAD is detached. */
  readonly operatesOn: BranchName | undefined;
}

/** Files that exist while an operation is in progress, as git's own wt-status.c looks for them. */
const OPERATIONS: readonly (readonly [file: string, operation: string])[] = [
  ['MERGE_HEAD', 'merge'],
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['sequencer', 'cherry-pick'],
  ['BISECT_LOG', 'bisect'],
];

/** Files that name the branch an operation started from. */
const OPERATED_BRANCH = ['rebase-merge/head-name', 'rebase-apply/head-name', 'BISECT_START'];

export async function listWorktrees(reader: RefReader, gitDir: string): Promise<Worktree[]> {
  const linked = await linkedGitDirs(gitDir);
  const worktrees = await Promise.all([
    readWorktree(reader, dirname(gitDir), gitDir),
    ...linked.map(async (linkedDir) => {
      const dotGit = (await readText(join(linkedDir, 'gitdir')))?.trim();
      return dotGit === undefined ? undefined : readWorktree(reader, dirname(resolve(linkedDir, dotGit)), linkedDir);
    }),
  ]);
  return worktrees.filter((worktree) => worktree !== undefined);
}

/** The git directories of linked worktrees. */
export async function linkedGitDirs(gitDir: string): Promise<string[]> {
  try {
    return (await readdir(join(gitDir, 'worktrees'))).map((name) => join(gitDir, 'worktrees', name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function readWorktree(reader: RefReader, root: string, gitDir: string): Promise<Worktree> {
  const [head, branches] = await Promise.all([
    reader.head(gitDir),
    Promise.all(OPERATED_BRANCH.map((file) => readText(join(gitDir, file)))),
  ]);
  const operated = branches.find((text) => text !== undefined)?.trim();
  return {
    root,
    gitDir,
    head,
    operation: OPERATIONS.find(([file]) => existsSync(join(gitDir, file)))?.[1],
    operatesOn: operated?.replace(/^refs\/heads\//, '') as BranchName | undefined,
  };
}
