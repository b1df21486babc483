import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import { isMissing, readText } from './files.ts';
import type { Git } from './git.ts';
import { outlived } from './process-alive.ts';
import { findRefReader } from './ref-reader.ts';
import { holdsOnly } from './written-files.ts';

const markerSchema = z.object({
  /** The engine that clones. */
  pid: z.number().int().positive(),
  /** The folder itself was made for the clone. */
  created: z.boolean(),
  /** The commit whose files are being, or were, checked out. */
  tip: z.string().refine(isOid).nullable(),
  /** Packs that came with the tip, which the history will bring again. */
  tipPacks: z.array(z.string().regex(/^pack-[0-9a-f]+$/)),
  /** The tip is checked out: from then on the folder may hold a person's work. */
  usable: z.boolean(),
});

type Marker = Readonly<z.infer<typeof markerSchema>>;

/** Folders that this process clones into now. */
const underWay = new Set<string>();

/**
 * The folder of a clone that is not complete, marked by `.git/peerweave/clone.json`: when the engine is killed before the folder
 * was usable, the next attempt knows it for what it is and starts over (SE10).
 */
export class CloneFolder {
  readonly directory: string;
  private readonly path: string;
  private marker: Marker;

  private constructor(directory: string, marker: Marker) {
    this.directory = directory;
    this.path = markerPath(directory);
    this.marker = marker;
  }

  /** Takes a folder that is new, empty, or left by a clone that was killed. Throws `folder-not-empty` for any other. */
  static async claim(git: Git, directory: string): Promise<CloneFolder> {
    if (!(await isVacant(git, directory))) {
      throw new PeerweaveError('folder-not-empty', `${directory} is not empty. Choose a new or an empty folder.`);
    }
    const left = await readMarker(directory);
    if (left !== undefined) await clear(directory, false);
    const made = (await mkdir(directory, { recursive: true })) !== undefined;
    const created = made || left?.created === true;
    const folder = new CloneFolder(directory, { pid: process.pid, created, tip: null, tipPacks: [], usable: false });
    underWay.add(directory);
    try {
      await folder.write({});
    } catch (error) {
      await folder.clear();
      throw error;
    }
    return folder;
  }

  /** The folder of a clone that has its tip and not yet its history. */
  static async reclaim(directory: string): Promise<CloneFolder> {
    const none: Marker = { pid: process.pid, created: false, tip: null, tipPacks: [], usable: true };
    return new CloneFolder(directory, (await readMarker(directory)) ?? none);
  }

  get tipPacks(): readonly string[] {
    return this.marker.tipPacks;
  }

  /** The tip's objects are here, and its files are about to be. */
  tipHere(tip: Oid, tipPacks: readonly string[]): Promise<void> {
    return this.write({ tip, tipPacks: [...tipPacks] });
  }

  usable(): Promise<void> {
    return this.write({ usable: true });
  }

  /** The clone is complete: a repository like any other. */
  async complete(): Promise<void> {
    await rm(this.path, { force: true });
    this.leave();
  }

  /** Leaves the folder as it is. */
  leave(): void {
    underWay.delete(this.directory);
  }

  /** Makes the folder what it was before. */
  async clear(): Promise<void> {
    await clear(this.directory, this.marker.created);
    this.leave();
  }

  private async write(change: Partial<Marker>): Promise<void> {
    this.marker = { ...this.marker, ...change };
    await mkdir(dirname(this.path), { recursive: true });
    await writeFile(`${this.path}.new`, JSON.stringify(this.marker));
    await rename(`${this.path}.new`, this.path);
  }
}

/** True for a folder that `clone` takes: one that is not there, empty, or left by a clone that was killed and holds nothing else. */
export async function isVacant(git: Git, directory: string): Promise<boolean> {
  const entries = await list(directory);
  if (entries.length === 0) return true;
  const marker = await readMarker(directory);
  if (marker === undefined) return isBarelyBegun(directory, entries);
  if (marker.usable || (await isOccupied(directory, marker))) return false;
  if (entries.every((name) => name === '.git')) return true;
  const { tip } = marker;
  return tip !== null && (await holdsNothingElse(git, directory, tip).catch(() => false));
}

/** Killed while the files were written: they must be the tip's, whole or in part, and nothing else may be there, nor committed. */
async function holdsNothingElse(git: Git, directory: string, tip: Oid): Promise<boolean> {
  const refs = await (await findRefReader(git, join(directory, '.git'))).all();
  return [...refs.values()].every((oid) => oid === tip) && (await holdsOnly(git, directory, tip));
}

/** Killed before the marker was whole: nothing is there but what it was being written to. */
async function isBarelyBegun(directory: string, entries: readonly string[]): Promise<boolean> {
  const path = markerPath(directory);
  const contents = await Promise.all([list(join(directory, '.git')), list(dirname(path))]);
  return [entries, ...contents].every((names, depth) => names.every((name) => name === BARELY_BEGUN[depth]));
}

const BARELY_BEGUN = ['.git', 'peerweave', 'clone.json.new'];

async function isOccupied(directory: string, { pid }: Marker): Promise<boolean> {
  if (pid === process.pid) return underWay.has(directory);
  return outlived(pid, (await stat(markerPath(directory))).mtimeMs);
}

const markerPath = (directory: string): string => join(directory, '.git', 'peerweave', 'clone.json');

async function readMarker(directory: string): Promise<Marker | undefined> {
  try {
    return markerSchema.parse(JSON.parse((await readText(markerPath(directory))) ?? ''));
  } catch {
    return undefined;
  }
}

/** The marker goes last, so that a crash in the middle of this leaves a folder that is known for what it is. */
async function clear(directory: string, all: boolean): Promise<void> {
  const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
  const dotGit = join(directory, '.git');
  for (const name of await list(directory)) if (name !== '.git') await remove(join(directory, name));
  for (const name of await list(dotGit)) if (name !== 'peerweave') await remove(join(dotGit, name));
  await remove(all ? directory : dotGit);
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
