import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import type { MoveRefusal } from '../repository.ts';
import { isMissing } from './files.ts';
import { GitFailure } from './git-failure.ts';
import type { Git, RunOptions } from './git.ts';
import type { IndexLock } from './index-lock.ts';
import type { JournalRecord } from './journal.ts';
import { ABSENT, type TreeChange } from './tree-diff.ts';
import type { Worktree } from './worktrees.ts';

/** A worktree, as far as git has to know it. */
export type Place = Pick<Worktree, 'root' | 'gitDir'>;

/**
 * Paths that the update would create where something untracked lies, ignored files included: `read-tree` would overwrite
 * ignored files, and an ignored `.env` is as much a person's work as any.
 */
export async function untrackedInTheWay(worktree: Worktree, changes: readonly TreeChange[]): Promise<string[]> {
  const leaving = new Set(changes.filter(({ toMode }) => toMode === ABSENT).map(({ path }) => path));
  const arriving = changes.filter(({ fromMode }) => fromMode === ABSENT).map(({ path }) => path);
  const blocked = await Promise.all(arriving.map((path) => blocker(worktree.root, path, leaving)));
  return [...new Set(blocked.filter((path) => path !== undefined))];
}

/** What lies at `path` or at a parent of it and is not about to leave; folders count only for the files in them. */
async function blocker(root: string, path: string, leaving: ReadonlySet<string>): Promise<string | undefined> {
  const components = path.split('/');
  for (let depth = 1; depth <= components.length; depth += 1) {
    const at = components.slice(0, depth).join('/');
    let stats;
    try {
      stats = await lstat(join(root, at));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const isLast = depth === components.length;
    if (!stats.isDirectory()) return leaving.has(at) ? undefined : at;
    if (isLast) return firstStaying(root, at, leaving);
  }
  return undefined;
}

async function firstStaying(root: string, folder: string, leaving: ReadonlySet<string>): Promise<string | undefined> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const inside = await firstStaying(root, path, leaving);
      if (inside !== undefined) return inside;
    } else if (!leaving.has(path)) return path;
  }
  return undefined;
}

/**
 * Moves index and files from one tree to another (git-read-tree(1), two-tree merge): git checks everything first and touches
 * nothing when a changed file is in the way. Resolves to the refusal, or undefined when done. `finish` does more to the new index before it
 * takes the old one's place.
 */
export async function updateWorktree(
  git: Git,
  worktree: Place,
  held: { readonly lock: IndexLock; readonly record: JournalRecord },
  from: Oid,
  to: Oid,
  finish?: (options: RunOptions) => Promise<void>,
): Promise<MoveRefusal | undefined> {
  let refusal: MoveRefusal | undefined;
  await held.lock.change(async (env) => {
    const options: RunOptions = {
      ...at(worktree),
      env,
      write: true,
      answers: [0, 1, 128],
      onStart: (process) => held.record.hold({ process }),
    };
    refusal = await readTree(git, options, from, to);
    if (refusal?.kind === 'local-changes') {
      // Touched but unchanged files look changed until the index has been refreshed; that is not worth doing every time.
      await git.run(['update-index', '-q', '--refresh'], options);
      refusal = await readTree(git, options, from, to);
    }
    if (refusal === undefined) await finish?.(options);
    return refusal === undefined;
  });
  return refusal;
}

async function readTree(git: Git, options: RunOptions, from: Oid, to: Oid): Promise<MoveRefusal | undefined> {
  const { code, stderr } = await git.run(['read-tree', '-m', '-u', '--no-recurse-submodules', from, to], options);
  if (code === 0) return undefined;
  const paths = [
    ...stderr.matchAll(/^error: (?:Entry|Untracked working tree file|Updating) '([^\n]+?)' (?:not uptodate|would)/gm),
  ];
  if (paths.length > 0) return { kind: 'local-changes', paths: paths.map((match) => match[1] ?? '') };
  throw new GitFailure('read-tree', code, stderr);
}

/** Where git has to stand to work on a worktree. */
export const at = (worktree: Place): { cwd: string; gitDir: string; workTree: string } => ({
  cwd: worktree.root,
  gitDir: worktree.gitDir,
  workTree: worktree.root,
});
