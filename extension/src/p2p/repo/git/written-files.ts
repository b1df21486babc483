import { lstat, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import { isMissing } from './files.ts';
import type { Git } from './git.ts';
import { diffTrees, emptyTree, type TreeChange } from './tree-diff.ts';
import { at, type Place } from './worktree-update.ts';

/** What a checkout that was cut short has written, told from what a person did. */

/** What lies at a path: a file's bytes, a link's target; undefined when nothing does. A folder counts as foreign content. */
export async function contentOf(path: string): Promise<Buffer | undefined> {
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
export async function isWritten(
  git: Git,
  worktree: Place,
  { path, toMode, toOid }: Pick<TreeChange, 'path' | 'toMode' | 'toOid'>,
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

/** True when a folder holds nothing but files of a commit, whole or in part, as a checkout that was killed leaves it. */
export async function holdsOnly(git: Git, root: string, tip: Oid): Promise<boolean> {
  const place: Place = { root, gitDir: join(root, '.git') };
  const index = join(place.gitDir, 'peerweave', 'check.index');
  const options = { ...at(place), env: { GIT_INDEX_FILE: index } };
  try {
    await git.run(['read-tree', tip], { ...options, write: true });
    // Ignored files count as others too: nothing is excluded.
    const others = await git.run(['ls-files', '-z', '--others'], options);
    if (others.stdout !== '') return false;
    const { stdout } = await git.run(['ls-files', '-z', '--modified'], options);
    const files = new Map((await diffTrees(git, place.gitDir, emptyTree(tip), tip)).map((file) => [file.path, file]));
    for (const path of stdout.split('\0').filter(Boolean)) {
      const [content, file] = [await contentOf(join(root, path)), files.get(path)];
      if (content !== undefined && (file === undefined || !(await isWritten(git, place, file, content)))) return false;
    }
    return true;
  } finally {
    await rm(index, { force: true });
  }
}
