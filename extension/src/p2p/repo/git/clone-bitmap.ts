import { rmSync } from 'node:fs';
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disposable } from '../../../shared/disposable.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Git } from './git.ts';
import { stepBack } from './step-back.ts';

/** Bytes of all `.idx` files, some 28 an object: below, git counts in no time, and far above, making a bitmap takes gigabytes. */
const MIN_INDEX_BYTES = 512 * 1024;
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** `nice(1)`: nobody waits for a bitmap. */
const PRIORITY = 10;

export interface CloneBitmapOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly log: Logger;
  readonly minIndexBytes?: number;
}

interface Pack {
  /** `pack-<hash>` */
  readonly name: string;
  readonly packBytes: number;
  readonly indexBytes: number;
}

/**
 * A reachability bitmap over the repository's packs (git-multi-pack-index(1)). Without one git walks through all history to find out what a
 * clone needs: 0.9 of the 1.4 s of CPU that serving 213,000 objects took. Repositories that are worked in have none, and their object folder
 * is not ours to write to. So the packs are linked to a folder of our own, `.git/peerweave/bitmap`, which git is pointed at as one more
 * object folder; it never serves what no wanted commit reaches, with or without.
 *
 * It is an aid only: where it cannot be made, or does not fit any more, clones are served without.
 */
export class CloneBitmap implements Disposable {
  private readonly options: CloneBitmapOptions;
  /** Of the packs and their bitmap, while there are any. */
  readonly folder: string;
  private readonly objectsDir: string;
  private readonly stopped = new AbortController();
  private making: Promise<void> | undefined;
  /** The packs that it covers; undefined while there is none. */
  private covered: ReadonlySet<string> | undefined;

  constructor(options: CloneBitmapOptions) {
    this.options = options;
    this.folder = join(options.gitDir, 'peerweave', 'bitmap');
    this.objectsDir = join(options.gitDir, 'objects');
  }

  /** Makes one that fits the packs of now, unless there is one. Never throws: it only takes longer without. */
  make(): Promise<void> {
    this.making ??= this.renew()
      .catch(async (error: unknown) => {
        if (!this.stopped.signal.aborted) this.options.log.info(`no bitmap for clones: ${messageOf(error)}`);
        await this.clear().catch(() => undefined);
      })
      .finally(() => (this.making = undefined));
    return this.making;
  }

  /** What to tell the git that serves a clone; nothing when there is no bitmap, or a pack of it is not the repository's any more. */
  async env(): Promise<Record<string, string>> {
    const { covered } = this;
    if (covered === undefined || this.making !== undefined) return {};
    const now = new Set(await packNames(this.objectsDir));
    return [...covered].every((name) => now.has(name)) ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: this.folder } : {};
  }

  /** Lets the packs go, which would take space when the repository has replaced them. */
  dispose(): void {
    this.stopped.abort();
    // One that is being made fails now, and clears up after itself.
    if (this.covered !== undefined) rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  private async renew(): Promise<void> {
    const packs = await readPacks(this.objectsDir);
    if (this.covered !== undefined && sameNames(this.covered, packs)) return;
    await this.clear();
    if (!(await this.isWorthIt(packs))) return;
    const target = join(this.folder, 'pack');
    await mkdir(target, { recursive: true });
    for (const { name } of packs) {
      for (const extension of ['.pack', '.idx']) {
        await link(join(this.objectsDir, 'pack', name + extension), join(target, name + extension));
      }
    }
    await this.write(packs.reduce((largest, pack) => (pack.packBytes > largest.packBytes ? pack : largest)));
    this.stopped.signal.throwIfAborted();
    this.covered = new Set(packs.map(({ name }) => name));
  }

  /** `preferred` is the pack that a clone may get as it lies. */
  private async write(preferred: Pack): Promise<void> {
    const { git, gitDir } = this.options;
    await git.run(['multi-pack-index', 'write', '--bitmap', `--preferred-pack=${preferred.name}.pack`], {
      gitDir,
      isolated: true,
      env: { GIT_OBJECT_DIRECTORY: this.folder, GIT_ALTERNATE_OBJECT_DIRECTORIES: this.objectsDir },
      signal: this.stopped.signal,
      onStart: (pid) => stepBack(pid, PRIORITY),
    });
  }

  private async isWorthIt(packs: readonly Pack[]): Promise<boolean> {
    const bytes = packs.reduce((sum, { indexBytes }) => sum + indexBytes, 0);
    const { minIndexBytes = MIN_INDEX_BYTES } = this.options;
    if (packs.length === 0 || bytes < minIndexBytes || bytes > MAX_INDEX_BYTES) return false;
    // Of their own, which git then finds.
    return !(await readdir(join(this.objectsDir, 'pack'))).some((name) => name.endsWith('.bitmap'));
  }

  private async clear(): Promise<void> {
    this.covered = undefined;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Of packs that git knows: those with an index. */
async function packNames(objectsDir: string): Promise<string[]> {
  const names = await readdir(join(objectsDir, 'pack')).catch((): string[] => []);
  return names.filter((name) => /^pack-[0-9a-f]+\.idx$/.test(name)).map((name) => name.slice(0, -'.idx'.length));
}

async function readPacks(objectsDir: string): Promise<Pack[]> {
  const names = await packNames(objectsDir);
  return Promise.all(
    names.map(async (name) => {
      const size = async (extension: string): Promise<number> =>
        (await stat(join(objectsDir, 'pack', name + extension))).size;
      return { name, packBytes: await size('.pack'), indexBytes: await size('.idx') };
    }),
  );
}

const sameNames = (names: ReadonlySet<string>, packs: readonly Pack[]): boolean =>
  names.size === packs.length && packs.every(({ name }) => names.has(name));
