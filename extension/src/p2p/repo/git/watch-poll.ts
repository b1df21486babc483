import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { disposable, type Disposable } from '../../../shared/disposable.ts';
import { linkedGitDirs } from './worktrees.ts';

/** A file system may give the same time to two changes that are closer than this, in milliseconds (FAT: two seconds). */
const TIME_STEP_MS = 2_000;

/**
 * Calls back when what refs, HEADs and indexes live in has another time than at the last look, for file systems and limits that
 * keep watchers silent. A ref is written by renaming its lock, which changes the time of its folder: so one look is a `stat` for
 * each folder of branches and tags, whatever the number of refs, and for a few files of each worktree.
 */
export function pollRepository(
  gitDir: string,
  files: readonly string[],
  everyMs: number,
  onChange: () => void,
): Disposable {
  const folders = ['refs/heads', 'refs/tags'].map((name) => new FolderTimes(join(gitDir, name)));
  let last: string | undefined;
  let running = false;
  const look = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      const gitDirs = [gitDir, ...(await linkedGitDirs(gitDir))];
      const paths = gitDirs.flatMap((folder) => [...files, 'reftable/tables.list'].map((name) => join(folder, name)));
      const stamps = await Promise.all([...paths.map(timeOf), ...folders.map((folder) => folder.stamp())]);
      const now = [...gitDirs, ...stamps].join('\n');
      if (last !== undefined && now !== last) onChange();
      last = now;
    } catch {
      // The repository is gone for the moment; its owner will notice on use.
    } finally {
      running = false;
    }
  };
  void look();
  const timer = setInterval(() => void look(), everyMs).unref();
  return disposable(() => clearInterval(timer));
}

/** The times of a folder and all below it. A folder is read again only when its own time says that something came or went. */
class FolderTimes {
  private readonly root: string;
  private known = new Map<string, { readonly time: string; readonly below: readonly string[] }>();

  constructor(root: string) {
    this.root = root;
  }

  async stamp(): Promise<string> {
    const seen: typeof this.known = new Map();
    const parts: string[] = [];
    const pending = [this.root];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const time = await timeOf(path);
      const before = this.known.get(path);
      const below = before?.time === time ? before.below : await foldersIn(path);
      if (!isUnsettled(time)) seen.set(path, { time, below });
      parts.push(`${path} ${time}`);
      pending.push(...below);
    }
    this.known = seen;
    return parts.join('\n');
  }
}

const isUnsettled = (time: string): boolean => time.endsWith(UNSETTLED);
const UNSETTLED = '?';

/**
 * When a path was changed, as text; `-` when it is not there. A time so fresh that a further change could leave it as it is gets
 * a mark, so that the next look finds it different and asks once too often rather than never.
 */
async function timeOf(path: string): Promise<string> {
  try {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs < TIME_STEP_MS ? `${mtimeMs}${UNSETTLED}` : String(mtimeMs);
  } catch {
    return '-';
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}
