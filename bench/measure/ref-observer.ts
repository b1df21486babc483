import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Sees from outside when a branch has moved: watches the folder of the loose ref with inotify and reads the file. It asks neither
 * the engine nor git, so that every contender is seen by the same eyes and the same clock.
 */
export class RefObserver {
  private readonly file: string;
  private readonly watcher: FSWatcher;
  private seen = '';
  private waiting: { oid: string; resolve: (at: number) => void } | undefined;

  constructor(gitDir: string, ref: string) {
    this.file = join(gitDir, ref);
    this.watcher = watch(dirname(this.file), (_event, name) => {
      if (name === basename(this.file)) this.look();
    });
  }

  /** Resolves to the `performance.now()` at which the ref was seen at `oid`; rejects after `timeoutMs`. */
  async at(oid: string, timeoutMs = 60_000): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(
      () => reject(new Error(`${this.file} is at ${this.seen}, not at ${oid}, after ${timeoutMs} ms`)),
      timeoutMs,
    );
    this.waiting = { oid, resolve };
    this.look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.waiting = undefined;
    }
  }

  close(): void {
    this.watcher.close();
  }

  private look(): void {
    try {
      this.seen = readFileSync(this.file, 'utf8').trim();
    } catch {
      // Packed, and not moved since; the next event comes.
    }
    if (this.waiting?.oid === this.seen) this.waiting.resolve(performance.now());
  }
}

/** What a loose ref points to. */
export const readRef = (gitDir: string, ref: string): string => readFileSync(join(gitDir, ref), 'utf8').trim();
