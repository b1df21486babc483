import { copyFile, link, open, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, readText } from './files.ts';
import type { JournalRecord } from './journal.ts';

/**
 * A worktree's `index.lock`, taken by us rather than by the git that we start. Git's own lock file says nothing about who took
 * it, so after a crash nobody dares to remove it; ours holds the id of the journal entry it was taken for. Git works on a copy of
 * the index meanwhile, which replaces the index in one step when everything is in it.
 */
export class IndexLock {
  /** Where the index lock is. */
  readonly path: string;
  private readonly index: string;
  private readonly copy: string;

  private constructor(worktreeGitDir: string, record: JournalRecord) {
    this.path = join(worktreeGitDir, 'index.lock');
    this.index = join(worktreeGitDir, 'index');
    this.copy = `${record.base}.index`;
  }

  /** Takes the lock, or takes over the one that the crashed engine of this entry took. Undefined when somebody else has it. */
  static async take(worktreeGitDir: string, record: JournalRecord): Promise<IndexLock | undefined> {
    const lock = new IndexLock(worktreeGitDir, record);
    const token = `peerweave ${record.id}\n`;
    if ((await readText(lock.path)) === token) return lock;
    const prepared = `${record.base}.lock`;
    await writeFile(prepared, token);
    try {
      // A link appears whole or not at all, and never replaces anything.
      await link(prepared, lock.path).catch((error: unknown) => {
        if (!LINKLESS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return writeFile(lock.path, token, { flag: 'wx' });
      });
      return lock;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw error;
    } finally {
      await rm(prepared, { force: true });
    }
  }

  /** Runs git on a copy of the index. When `work` answers true, the copy becomes the index. */
  async change(work: (env: Readonly<Record<string, string>>) => Promise<boolean>): Promise<void> {
    // A copy, or its lock, from an attempt that a crash ended.
    await Promise.all([this.copy, `${this.copy}.lock`].map((path) => rm(path, { force: true })));
    await copyIndex(this.index, this.copy);
    if (!(await work({ GIT_INDEX_FILE: this.copy }))) return;
    await syncFile(this.copy);
    await rename(this.copy, this.index);
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

/** What file systems without hard links answer: FAT, some network shares. */
const LINKLESS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK']);

async function copyIndex(from: string, to: string): Promise<void> {
  let modified: number;
  try {
    modified = (await stat(from)).mtimeMs;
    await copyFile(from, to);
  } catch (error) {
    // Before the first commit there is none.
    if (isMissing(error)) return;
    throw error;
  }
  // Git distrusts entries that are no older than their index (racy-git). A copy that looks younger would hide a change, one that
  // looks a little older only makes git look twice.
  const seconds = Math.floor(modified) / 1000;
  await utimes(to, seconds, seconds);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
