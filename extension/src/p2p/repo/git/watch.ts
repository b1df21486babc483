import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { disposable, DisposableStore, type Disposable } from '../../../shared/disposable.ts';
import { exists } from './files.ts';
import { tryWatch, watchTree } from './watch-tree.ts';
import { linkedGitDirs } from './worktrees.ts';

/** Milliseconds in which further changes are answered by one more call: a `git commit` touches a dozen files. */
const COALESCE_MS = 15;
/** Milliseconds between two looks at the files' times, for file systems and limits that keep watchers silent. */
const POLL_MS = 10_000;

/** Files of a git directory whose change may mean that refs, HEAD or the index changed. Everything else is noise. */
const RELEVANT =
  /^(?:HEAD|index|packed-refs|MERGE_HEAD|rebase-merge|rebase-apply|CHERRY_PICK_HEAD|REVERT_HEAD|BISECT_LOG|sequencer)$/;

/**
 * Calls back when refs, HEAD or the index may have changed: at once for the first change, then at most once every
 * `COALESCE_MS`. Lock files, objects and our own folder are not looked at.
 */
export function watchRepository(gitDir: string, onChange: () => void): Disposable {
  const store = new DisposableStore();
  const signal = store.add(new Coalescer(onChange));
  const follow = (folder: string, isRelevant: (name: string) => boolean): void => {
    const watcher = tryWatch(folder, false, (name) => {
      if (isRelevant(name)) signal.fire();
    });
    if (watcher) store.add(disposable(() => watcher.close()));
  };
  const followTree = (folder: string, isRelevant: (name: string) => boolean): void => {
    store.add(
      watchTree(folder, (name) => {
        if (isRelevant(name)) signal.fire();
      }),
    );
  };
  follow(gitDir, (name) => RELEVANT.test(name));
  // Not `refs/remotes`: the peers' folders there are ours to write, and a session does not share the others.
  followTree(join(gitDir, 'refs', 'heads'), (name) => !name.endsWith('.lock'));
  followTree(join(gitDir, 'refs', 'tags'), (name) => !name.endsWith('.lock'));
  follow(join(gitDir, 'reftable'), (name) => !name.endsWith('.lock'));
  const worktrees = join(gitDir, 'worktrees');
  void exists(worktrees).then((found) => {
    if (found) followTree(worktrees, (name) => RELEVANT.test(name.split(/[\\/]/).at(-1) ?? ''));
  });
  store.add(poll(gitDir, () => signal.fire()));
  return store;
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

/** Compares modification times of what refs live in; a few `stat` calls, whatever the number of refs. */
function poll(gitDir: string, onChange: () => void): Disposable {
  let last: string | undefined;
  let running = false;
  const look = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      const linked = (await linkedGitDirs(gitDir)).flatMap((folder) => [join(folder, 'HEAD'), join(folder, 'index')]);
      const fixed = ['HEAD', 'index', 'packed-refs', 'logs/HEAD', 'refs/heads', 'refs/tags', 'reftable/tables.list'];
      const times = await Promise.all([...fixed.map((name) => join(gitDir, name)), ...linked].map(modified));
      const now = times.join(' ');
      if (last !== undefined && now !== last) onChange();
      last = now;
    } catch {
      // The repository is gone for the moment; its owner will notice on use.
    } finally {
      running = false;
    }
  };
  void look();
  const timer = setInterval(() => void look(), POLL_MS).unref();
  return disposable(() => clearInterval(timer));
}

async function modified(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}
