import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { exists, syncFolder } from './files.ts';
import { objectFolders } from './object-folders.ts';
import { processFolder, sweepProcessFolders } from './process-folders.ts';

/** Windows flushes no file that it may not write to, as objects and packs are: there git, which makes them, has to. */
export const SYNCS_OBJECTS = process.platform !== 'win32';

/**
 * Where a peer's objects wait until the gate has passed them: an object directory of its own, `.git/peerweave/staging/
 * <pid>-<random>`, which git is pointed at the way receive-pack does it for its quarantine (git-receive-pack(1)). The
 * repository's own objects are its alternate, so what lies here is exactly what is new.
 */
export class Staging {
  readonly path: string;
  private readonly gitDir: string;
  private readonly objectsDir: string;
  private synced: Promise<void> | undefined;

  private constructor(path: string, gitDir: string) {
    this.path = path;
    this.gitDir = gitDir;
    this.objectsDir = join(gitDir, 'objects');
  }

  static async create(gitDir: string): Promise<Staging> {
    const path = processFolder(stagingRoot(gitDir));
    await mkdir(join(path, 'pack'), { recursive: true });
    return new Staging(path, gitDir);
  }

  /**
   * Environment for git to write here and read the repository's objects too. Where history is cut off is decided here as well:
   * the repository's own `shallow` file must not excuse what a pack lacks.
   */
  env(): Record<string, string> {
    return {
      ...objectFolders(this.path, this.objectsDir),
      GIT_SHALLOW_FILE: join(this.path, 'shallow'),
    };
  }

  /** Declares commits whose parents are left out on purpose (gitformat `shallow`: one id a line). */
  async writeShallow(oids: readonly Oid[]): Promise<void> {
    if (oids.length > 0)
      await writeFile(join(this.path, 'shallow'), oids.map((oid) => `${oid}\n`).join(''), { flush: true });
  }

  /** Environment for git to see what lies here, and nothing else. */
  aloneEnv(): Record<string, string> {
    return { GIT_OBJECT_DIRECTORY: this.path, GIT_SHALLOW_FILE: join(this.path, 'shallow') };
  }

  /**
   * Loose objects here, as paths relative to the object directory. Synchronous, as they are few: a folder takes 20 µs, and a multiple of it
   * through the pool of threads, three times on the way of every commit.
   */
  looseObjects(): string[] {
    const folders = readdirSync(this.path).filter((name) => /^[0-9a-f]{2}$/.test(name));
    const paths = folders.flatMap((folder) => readdirSync(join(this.path, folder)).map((name) => join(folder, name)));
    return paths.filter((path) => /^[0-9a-f]{2}.[0-9a-f]{38,62}$/.test(path));
  }

  packs(): string[] {
    const names = readdirSync(join(this.path, 'pack'));
    return names.filter((name) => name.endsWith('.pack')).map((name) => name.slice(0, -'.pack'.length));
  }

  /**
   * Makes the contents of all that is here durable, where git was told to leave that to us (`SYNCS_OBJECTS`). May run beside the checks of the
   * gate, once git has written everything: the 139 MB of a clone take a tenth of a second.
   */
  sync(): Promise<void> {
    this.synced ??= this.syncObjects();
    return this.synced;
  }

  private async syncObjects(): Promise<void> {
    if (!SYNCS_OBJECTS) return;
    const packed = readdirSync(join(this.path, 'pack')).map((name) => join('pack', name));
    await Promise.all([...this.looseObjects(), ...packed].map((path) => syncFile(join(this.path, path))));
  }

  /**
   * Moves everything into the repository, contents synced, and then syncs the folders, so that a ref written after this never
   * outlives its objects. Resolves to the names of the packs.
   */
  async publish(): Promise<string[]> {
    await this.sync();
    const shallow = join(this.path, 'shallow');
    // Before the objects are: a commit without its parents is only sound with this said.
    if (await exists(shallow)) await rename(shallow, join(this.gitDir, 'shallow'));
    const folders = new Set<string>();
    const packs = this.packs();
    for (const pack of packs) {
      const target = join(this.objectsDir, 'pack');
      await mkdir(target, { recursive: true });
      folders.add(target);
      // A pack exists for git once its .idx does, so that comes last.
      for (const extension of ['.pack', '.rev', '.idx']) {
        const source = join(this.path, 'pack', pack + extension);
        if (extension === '.rev' && !(await exists(source))) continue;
        await rename(source, join(target, pack + extension));
      }
    }
    const loose = this.looseObjects();
    await Promise.all(
      loose.map(async (path) => {
        const folder = join(this.objectsDir, path.slice(0, 2));
        folders.add(folder);
        await mkdir(folder, { recursive: true });
        await rename(join(this.path, path), join(this.objectsDir, path));
      }),
    );
    await Promise.all([...folders].map(syncFolder));
    return packs;
  }

  /**
   * Takes a pack out of the repository, to be removed with this folder. The `.idx` goes first: without it git does not know the
   * pack, and what a crash then leaves is withdrawn by the sweep like one that was half published.
   */
  async retire(pack: string): Promise<void> {
    for (const extension of ['.idx', '.rev', '.pack']) {
      const source = join(this.objectsDir, 'pack', pack + extension);
      if (await exists(source)) await rename(source, join(this.path, 'pack', pack + extension));
    }
  }

  /** Removes the folder and whatever is left in it. */
  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes what crashed processes left. Never throws. */
export const sweepStaging = (gitDir: string, log: Logger): Promise<void> =>
  sweepProcessFolders(stagingRoot(gitDir), log, (path) => withdrawHalfPublished(path, join(gitDir, 'objects', 'pack')));

/** Removes packs whose `.idx` was still to follow: git does not know them without it, so nobody can be using them. */
async function withdrawHalfPublished(staging: string, target: string): Promise<void> {
  const names = await readdir(join(staging, 'pack')).catch((): string[] => []);
  for (const pack of names.filter((name) => name.endsWith('.idx')).map((name) => name.slice(0, -'.idx'.length))) {
    if (names.includes(`${pack}.pack`) || (await exists(join(target, `${pack}.idx`)))) continue;
    for (const extension of ['.pack', '.rev']) await rm(join(target, pack + extension), { force: true });
  }
}

const stagingRoot = (gitDir: string): string => join(gitDir, 'peerweave', 'staging');

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
