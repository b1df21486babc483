import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BranchName, Oid } from '../../../shared/ids.ts';
import { isMissing, readText, syncFolder } from './files.ts';

/** A move of a branch that is under way. Written before anything else of the move, removed after the last of it (SY11). */
export interface JournalEntry {
  readonly branch: BranchName;
  readonly from: Oid | null;
  readonly to: Oid;
  readonly message: string;
  /** The worktree that moves along. */
  readonly worktree: { readonly root: string; readonly gitDir: string } | null;
  /** The engine that is at it. */
  readonly pid: number;
}

/** Entries live in `.git/peerweave/journal/`, one JSON file each. */
export class Journal {
  private readonly folder: string;

  constructor(gitDir: string) {
    this.folder = join(gitDir, 'peerweave', 'journal');
  }

  /** Durable when it resolves. Resolves to what removes the entry again. */
  async write(entry: JournalEntry): Promise<() => Promise<void>> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, `${randomBytes(8).toString('hex')}.json`);
    const handle = await open(`${path}.new`, 'wx');
    try {
      await handle.writeFile(JSON.stringify(entry));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
    return () => rm(path, { force: true });
  }

  /** What earlier engines left. Half-written entries belong to moves that never began. */
  async *leftovers(): AsyncGenerator<{ entry: JournalEntry; remove: () => Promise<void> }> {
    let names: string[];
    try {
      names = await readdir(this.folder);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    for (const name of names) {
      const path = join(this.folder, name);
      const remove = (): Promise<void> => rm(path, { force: true });
      const entry = name.endsWith('.json') ? parse(await readText(path)) : undefined;
      if (entry === undefined) await remove();
      else yield { entry, remove };
    }
  }
}

function parse(text: string | undefined): JournalEntry | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as JournalEntry);
  } catch {
    return undefined;
  }
}
