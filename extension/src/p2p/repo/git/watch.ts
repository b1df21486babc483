import { join } from 'node:path';
import { disposable, DisposableStore, type Disposable } from '../../../shared/disposable.ts';
import { exists } from './files.ts';
import { pollRepository } from './watch-poll.ts';
import { watchFolder, watchTree, type WatchFolder } from './watch-tree.ts';

/** Milliseconds in which further changes are answered by one more call: a `git commit` touches a dozen files. */
const COALESCE_MS = 15;
/** Milliseconds between two looks at the files' times. */
const POLL_MS = 10_000;

/** What lies in a git directory and may mean, when it changes, that refs, HEAD, the index or an operation did. The rest is noise. */
const RELEVANT = [
  'HEAD',
  'index',
  'packed-refs',
  'MERGE_HEAD',
  'rebase-merge',
  'rebase-apply',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'BISECT_LOG',
  'sequencer',
];

export interface WatchOptions {
  /** How a folder is watched; the system's notifications by default. */
  readonly watch?: WatchFolder;
  /** Milliseconds between two looks of the poll. */
  readonly pollMs?: number;
}

/**
 * Calls back when refs, HEAD or the index may have changed: at once for the first change, then at most once every
 * `COALESCE_MS`. Lock files, objects and our own folder are not looked at.
 */
export function watchRepository(gitDir: string, onChange: () => void, options: WatchOptions = {}): Disposable {
  const { watch = watchFolder, pollMs = POLL_MS } = options;
  const store = new DisposableStore();
  const signal = store.add(new Coalescer(onChange));
  const isRelevant = (name: string): boolean => RELEVANT.includes(name.split(/[\\/]/).at(-1) ?? '');
  const isNoLock = (name: string): boolean => !name.endsWith('.lock');
  const fireFor =
    (matters: (name: string) => boolean) =>
    (name: string): void => {
      if (matters(name)) signal.fire();
    };
  const worktrees = store.add(new WorktreeWatch(join(gitDir, 'worktrees'), fireFor(isRelevant), watch));
  const follow = (folder: string, onName: (name: string) => void): void => {
    const watcher = watch(folder, false, onName);
    if (watcher) store.add(disposable(() => watcher.close()));
  };
  follow(gitDir, (name) => {
    if (isRelevant(name)) signal.fire();
    if (name !== 'worktrees') return;
    worktrees.renew();
    signal.fire();
  });
  // Not `refs/remotes`: the peers' folders there are ours to write, and a session does not share the others.
  store.add(watchTree(join(gitDir, 'refs', 'heads'), fireFor(isNoLock), watch));
  store.add(watchTree(join(gitDir, 'refs', 'tags'), fireFor(isNoLock), watch));
  follow(join(gitDir, 'reftable'), fireFor(isNoLock));
  store.add(pollRepository(gitDir, RELEVANT, pollMs, () => signal.fire()));
  return store;
}

/** The folder of the linked worktrees, which comes with the first of them and goes with the last. */
class WorktreeWatch implements Disposable {
  private readonly folder: string;
  private readonly onName: (name: string) => void;
  private readonly watch: WatchFolder;
  private current: Disposable | undefined;
  private disposed = false;

  constructor(folder: string, onName: (name: string) => void, watch: WatchFolder) {
    this.folder = folder;
    this.onName = onName;
    this.watch = watch;
    this.renew();
  }

  renew(): void {
    this.current?.dispose();
    this.current = undefined;
    void exists(this.folder).then((found) => {
      if (found && !this.disposed) this.current ??= watchTree(this.folder, this.onName, this.watch);
    });
  }

  dispose(): void {
    this.disposed = true;
    this.current?.dispose();
  }
}

/** First call at once, further ones together. */
class Coalescer implements Disposable {
  private readonly callback: () => void;
  private timer: NodeJS.Timeout | undefined;
  private again = false;
  private disposed = false;

  constructor(callback: () => void) {
    this.callback = callback;
  }

  fire(): void {
    if (this.disposed) return;
    if (this.timer !== undefined) {
      this.again = true;
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.again) return;
      this.again = false;
      this.fire();
    }, COALESCE_MS);
    this.callback();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }
}
