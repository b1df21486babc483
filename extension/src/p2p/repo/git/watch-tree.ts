import { watch, type FSWatcher } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disposable } from '../../../shared/disposable.ts';

/**
 * Watches a folder and every folder below it. Node's own `recursive` watches each *file* on Linux and loses it when git replaces
 * it by a rename, which is how every ref is written; a watch on the folder sees the rename. macOS and Windows watch whole trees
 * natively.
 */
export function watchTree(root: string, onName: (name: string) => void, watch: WatchFolder = watchFolder): Disposable {
  if (process.platform === 'linux') return new FolderWatches(root, onName, watch);
  const watcher = watch(root, true, onName);
  return { dispose: () => watcher?.close() };
}

/** Undefined when the folder is not there or the system is out of watches: the poll will notice instead. */
export type WatchFolder = (
  folder: string,
  recursive: boolean,
  onName: (name: string) => void,
) => Pick<FSWatcher, 'close'> | undefined;

export const watchFolder: WatchFolder = (folder, recursive, onName) => {
  try {
    // A null name means that the platform does not say which file it was.
    const watcher = watch(folder, { recursive, persistent: false }, (_event, name) => onName(name ?? 'HEAD'));
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
};

class FolderWatches implements Disposable {
  private readonly root: string;
  private readonly onName: (name: string) => void;
  private readonly watch: WatchFolder;
  private readonly watchers = new Map<string, Pick<FSWatcher, 'close'>>();
  private scanning = false;
  private scanAgain = false;
  private disposed = false;

  constructor(root: string, onName: (name: string) => void, watch: WatchFolder) {
    this.root = root;
    this.onName = onName;
    this.watch = watch;
    this.watchFolder(root);
    void this.scan();
  }

  dispose(): void {
    this.disposed = true;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private watchFolder(folder: string): void {
    const watcher = this.watch(folder, false, (name) => {
      // Locks come and go with every write; a folder never has that name.
      if (!name.endsWith('.lock')) void this.scan();
      this.onName(name);
    });
    if (watcher !== undefined) this.watchers.set(folder, watcher);
  }

  /** Brings the watches in line with the folders that are there now. */
  private async scan(): Promise<void> {
    if (this.scanning) {
      this.scanAgain = true;
      return;
    }
    this.scanning = true;
    this.follow(await foldersBelow(this.root));
    this.scanning = false;
    if (!this.scanAgain || this.disposed) return;
    this.scanAgain = false;
    await this.scan();
  }

  private follow(folders: ReadonlySet<string>): void {
    if (this.disposed) return;
    for (const [folder, watcher] of this.watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    let found = false;
    for (const folder of folders) {
      if (this.watchers.has(folder)) continue;
      this.watchFolder(folder);
      found ||= folder !== this.root && this.watchers.has(folder);
    }
    // What was written into a new folder before it was watched made no event.
    if (found) this.onName('');
  }
}

async function foldersBelow(root: string): Promise<Set<string>> {
  const found = new Set<string>([root]);
  for (const folder of found) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) found.add(join(folder, entry.name));
  }
  return found;
}
