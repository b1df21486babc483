import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import type { Git } from './git.ts';
import type { IndexLock } from './index-lock.ts';
import { ABSENT, diffTrees } from './tree-diff.ts';
import { at, type Place } from './worktree-update.ts';
import { contentOf, isWritten } from './written-files.ts';

/**
 * Takes files back to the index (which never left `from`), where what lies there is what the update wrote, whole or in part.
 * Whatever is neither the old nor the new content is the user's and stays.
 */
export async function undoUpdate(git: Git, worktree: Place, lock: IndexLock, from: Oid, to: Oid): Promise<void> {
  const changes = await diffTrees(git, worktree.gitDir, from, to);
  const restore: string[] = [];
  for (const change of changes) {
    const path = join(worktree.root, change.path);
    const content = await contentOf(path);
    if (content !== undefined && !(await isWritten(git, worktree, change, content))) continue;
    if (change.fromMode === ABSENT) await rm(path, { force: true });
    else restore.push(change.path);
  }
  if (restore.length === 0) return;
  const input = restore.map((path) => `${path}\0`).join('');
  await lock.change(async (env) => {
    await git.run(['checkout-index', '-f', '-u', '-z', '--stdin'], { ...at(worktree), env, write: true, input });
    return true;
  });
}
