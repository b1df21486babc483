import { lstat, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { branchRef, type Oid } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { exists, isMissing } from './files.ts';
import type { Git } from './git.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { isAlive } from './process-alive.ts';
import type { RefReader } from './ref-reader.ts';
import { RefTransaction } from './ref-transaction.ts';
import { ABSENT, diffTrees, emptyTree, type TreeChange } from './tree-diff.ts';
import { at } from './worktree-update.ts';
import type { Worktree } from './worktrees.ts';

type Place = Pick<Worktree, 'root' | 'gitDir'>;

export interface RecoverContext {
  readonly git: Git;
  readonly gitDir: string;
  readonly refs: RefReader;
  readonly log: Logger;
}

/**
 * Ends the moves that a crash cut short (SY11): when the index got to the new commit, the ref follows; otherwise files that were
 * already written go back. Whatever is neither the old nor the new content is the user's and stays. A locked index is left for
 * the next opening.
 */
export async function recoverMoves({ git, gitDir, refs, log }: RecoverContext): Promise<void> {
  for await (const { entry, remove } of new Journal(gitDir).leftovers()) {
    if (entry.pid !== process.pid && isAlive(entry.pid)) continue;
    const { worktree } = entry;
    if (worktree !== null && (await exists(join(worktree.gitDir, 'index.lock')))) continue;
    const current = await refs.one(branchRef(entry.branch));
    if (worktree !== null && current === entry.from) {
      const from = entry.from ?? emptyTree(entry.to);
      const changes = await diffTrees(git, gitDir, from, entry.to);
      if (await indexHolds(git, worktree, changes)) await finish(git, gitDir, entry);
      else await undoUpdate(git, worktree, from, entry.to);
      log.info(`recovered the interrupted move of ${entry.branch}`);
    }
    await remove();
  }
}

async function finish(git: Git, gitDir: string, { branch, from, to, message }: JournalEntry): Promise<void> {
  const transaction = new RefTransaction(git, gitDir, message);
  try {
    await transaction.apply([{ ref: branchRef(branch), from, to }]);
  } finally {
    await transaction.close();
  }
}

/** True when the index has the new side of every change. Git replaces an index whole, so one state or the other is there. */
async function indexHolds(git: Git, worktree: Place, changes: readonly TreeChange[]): Promise<boolean> {
  if (changes.length === 0) return false;
  const { stdout } = await git.run(['ls-files', '--stage', '-z'], { ...at(worktree), maxOutput: 1024 * 1024 * 1024 });
  const entries = new Map<string, string>();
  for (const line of stdout.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab > 0) entries.set(line.slice(tab + 1), line.slice(0, tab));
  }
  return changes.every(({ path, toMode, toOid }) => {
    const entry = entries.get(path);
    return toMode === ABSENT ? entry === undefined : entry === `${toMode} ${toOid} 0`;
  });
}

/**
 * Takes files back to the index (which never left `from`), where what lies there is what the update wrote, whole or in part.
 */
export async function undoUpdate(git: Git, worktree: Place, from: Oid, to: Oid): Promise<void> {
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
  await git.run(['checkout-index', '-f', '-u', '-z', '--stdin'], { ...at(worktree), write: true, input });
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
