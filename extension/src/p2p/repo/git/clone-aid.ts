import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disposable } from '../../../shared/disposable.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Git, GitOutput, RunOptions } from './git.ts';
import { stepBack } from './step-back.ts';

/** `nice(1)`: nobody waits for what is made. */
const PRIORITY = 10;

export interface CloneAidOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly log: Logger;
  /** Where its object folder is made. */
  readonly home: string;
}

/**
 * Something that makes serving a clone cheaper, made from the repository's objects before anybody clones, in a folder of its own that git
 * is pointed at as one more object folder. The user's object folder is not ours to write to.
 *
 * It is an aid only. Where it cannot be made, or does not fit any more, clones are served without; and with it or without, git serves nothing
 * that no wanted commit reaches.
 */
export abstract class CloneAid implements Disposable {
  readonly folder: string;
  protected readonly objectsDir: string;
  protected readonly stopped = new AbortController();
  /** Whether there is one, to be used or replaced. */
  protected here = false;
  private readonly options: CloneAidOptions;
  private readonly what: string;
  private making: Promise<void> | undefined;

  /** `folder` is its name, and `what` it is called in the log. */
  constructor(options: CloneAidOptions, folder: string, what: string) {
    this.options = options;
    this.what = what;
    this.folder = join(options.home, folder);
    this.objectsDir = join(options.gitDir, 'objects');
  }

  /** Makes one that fits the repository of now, unless there is one. Nobody may be using the one before. Never throws. */
  make(): Promise<void> {
    if (this.stopped.signal.aborted) return Promise.resolve();
    this.making ??= this.renew()
      .catch(async (error: unknown) => {
        if (!this.stopped.signal.aborted) this.options.log.info(`no ${this.what} for clones: ${messageOf(error)}`);
        await this.clear().catch(() => undefined);
      })
      .finally(() => (this.making = undefined));
    return this.making;
  }

  /** What to tell the git that serves with it; nothing while there is none that fits. */
  abstract env(): Promise<Record<string, string>>;

  /** No more is made, and nothing served with this from now on. What it takes on the disk goes with `home`. */
  dispose(): void {
    this.stopped.abort();
    this.here = false;
  }

  /** Makes one and sets `here`, unless the one that is here fits, or none is worth it. */
  protected abstract renew(): Promise<void>;

  protected get ready(): boolean {
    return this.here && this.making === undefined;
  }

  /** The names of the repository's packs that git knows: those with an index. */
  protected async packNames(): Promise<string[]> {
    const names = await readdir(join(this.objectsDir, 'pack')).catch((): string[] => []);
    return names.filter((name) => /^pack-[0-9a-f]+\.idx$/.test(name)).map((name) => name.slice(0, -'.idx'.length));
  }

  protected async clear(): Promise<void> {
    this.here = false;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Runs git on the repository, behind all other work. */
  protected run(args: readonly string[], options: RunOptions = {}): Promise<GitOutput> {
    const { git, gitDir } = this.options;
    const onStart = (pid: number): void => stepBack(pid, PRIORITY);
    return git.run(args, { gitDir, isolated: true, signal: this.stopped.signal, onStart, ...options });
  }
}
