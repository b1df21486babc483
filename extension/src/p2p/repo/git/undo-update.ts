import { lstat, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import { isMissing } from './files.ts';
import type { Git } from './git.ts';
import type { IndexLock } from './index-lock.ts';
import { ABSENT, diffTrees, type TreeChange } from './tree-diff.ts';
import { at, type Place } from './worktree-update.ts';

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
    if (content !== undefined && !(await isOurs(git, worktree, change, content))) continue;
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

/** What lies at a path: a file's bytes, a link's target; undefined when nothing does. A folder counts as foreign content. */
async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return await readlink(path, { encoding: 'buffer' });
    return stats.isFile() ? await readFile(path) : Buffer.from('\0');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** True when the content is the new file as git writes it here, or the beginning of it. */
async function isOurs(
  git: Git,
  worktree: Place,
  { path, toMode, toOid }: TreeChange,
  content: Buffer,
): Promise<boolean> {
  if (!toMode.startsWith('10') && toMode !== '120000') return false;
  const process = git.start(['cat-file', '--filters', `--path=${path}`, toOid], at(worktree));
  process.stdin.end();
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdout) chunks.push(chunk as Buffer);
  if ((await process.exit) !== 0) return false;
  const written = Buffer.concat(chunks);
  return written.length >= content.length && written.subarray(0, content.length).equals(content);
}
