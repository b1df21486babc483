import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { LoggedMove } from '../activity.ts';
import { isMissing, readText } from './files.ts';
import { decodeJournalEntry, Journal, type JournalEntry, type JournalRecord } from './journal.ts';

/** Entries kept; a list longer than this is nobody's to read, and moves that old are undone by git's own means. */
const MAX_ENTRIES = 1_000;
/** How many more there may be before the oldest go: the folder is not looked through for every move. */
const SLACK = 50;
/** Git keeps the reflog of a branch as long by default (gc.reflogExpire). */
const MAX_AGE_MS = 90 * 24 * 3_600_000;

/** Files open at once while the log is read for the first time; some systems allow a process 256. */
const READ_AT_ONCE = 64;

const NAME = /^([0-9]{10,15})-([0-9]+-[0-9a-f]{16})\.json$/;

/**
 * The moves of local branches that were made for the user: `.git/peerweave/activity/<number>-<id>.json`, one file a move, numbered in their
 * order. A file is the journal's own entry (`journal.ts`), moved here in the one step that ends the move. So an entry is here exactly when
 * its move happened, whatever crashes when, none is ever torn, and a move costs a rename in the place of an unlink: no write, no fsync.
 */
export class ActivityLog {
  private readonly folder: string;
  private readonly journal: Journal;
  private readonly log: Logger;
  /** Entries never change once they are here; what cannot be read is undefined. */
  private readonly known = new Map<string, JournalEntry | undefined>();
  private begun: Promise<void> | undefined;
  private lastNumber = 0;
  private count = 0;
  private pruning: Promise<void> = Promise.resolve();

  constructor(gitDir: string, log: Logger) {
    this.folder = join(gitDir, 'peerweave', 'activity');
    this.journal = new Journal(gitDir);
    this.log = log;
  }

  /** Ends a move that happened. Never throws: the move cannot be taken back for that, and the next opening notes it (`recover.ts`). */
  async add(record: JournalRecord): Promise<void> {
    try {
      await (this.begun ??= this.begin());
      this.lastNumber += 1;
      const name = `${String(this.lastNumber).padStart(10, '0')}-${record.id}.json`;
      await record.end((entry) => this.takeIn(entry, join(this.folder, name)));
      this.count += 1;
    } catch (error) {
      this.begun = undefined;
      record.leave();
      this.log.warn(`the move of ${record.entry.branch} could not be noted: ${messageOf(error)}`);
    }
    if (this.count > MAX_ENTRIES + SLACK) void this.prune(Date.now());
  }

  /** Notes what the user did by git itself, once it has happened. Never throws: what cannot be noted has happened all the same. */
  async note(move: Pick<JournalEntry, 'branch' | 'from' | 'to' | 'kind' | 'message'>): Promise<void> {
    try {
      const entry = { ...move, at: Date.now(), worktree: null, pid: process.pid };
      await this.add(await this.journal.write(entry));
    } catch (error) {
      this.log.warn(`what happened to ${move.branch} could not be noted: ${messageOf(error)}`);
    }
  }

  /** What is in the log, newest first. */
  async entries(): Promise<LoggedMove[]> {
    const names = await this.names();
    for (const name of this.known.keys()) if (!names.includes(name)) this.known.delete(name);
    const read: { name: string; entry: JournalEntry | undefined }[] = [];
    for (let from = 0; from < names.length; from += READ_AT_ONCE) {
      const some = names.slice(from, from + READ_AT_ONCE);
      read.push(...(await Promise.all(some.map(async (name) => ({ name, entry: await this.read(name) })))));
    }
    const undone = new Set<string>();
    const entries: LoggedMove[] = [];
    // What takes a move back is younger than it, so the youngest come first.
    for (const { name, entry } of read.reverse()) {
      if (entry === undefined) continue;
      const move = asLogged(idOf(name), entry, undone.has(idOf(name)));
      if (!move.undone && move.undoes !== undefined) undone.add(move.undoes);
      entries.push(move);
    }
    return entries;
  }

  /** Lets the oldest go, by number and by age in milliseconds at `now`. Never throws. */
  prune(now: number): Promise<void> {
    return (this.pruning = this.pruning.then(() => this.pruneOnce(now)));
  }

  private async takeIn(entry: string, path: string): Promise<void> {
    try {
      await rename(entry, path);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Somebody removed the folder.
      await mkdir(this.folder, { recursive: true });
      await rename(entry, path);
    }
  }

  private async pruneOnce(now: number): Promise<void> {
    try {
      const names = await this.names();
      for (const [index, name] of names.entries()) {
        const surplus = names.length - index > MAX_ENTRIES;
        const entry = surplus ? undefined : await this.read(name);
        if (!surplus && entry !== undefined && entry.at >= now - MAX_AGE_MS) break;
        await rm(join(this.folder, name), { force: true });
        this.known.delete(name);
      }
      this.count = Math.min(this.count, MAX_ENTRIES);
    } catch (error) {
      this.log.warn(`old entries of the activity log could not be removed: ${messageOf(error)}`);
    }
  }

  private async begin(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const names = await this.names();
    this.count = names.length;
    this.lastNumber = Number(NAME.exec(names.at(-1) ?? '')?.[1] ?? 0);
  }

  /** Names of entries, oldest first. */
  private async names(): Promise<string[]> {
    try {
      const names = (await readdir(this.folder)).filter((name) => NAME.test(name));
      return names.sort((a, b) => numberOf(a) - numberOf(b) || (a < b ? -1 : 1));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  private async read(name: string): Promise<JournalEntry | undefined> {
    if (this.known.has(name)) return this.known.get(name);
    const text = await readText(join(this.folder, name));
    if (text === undefined) return undefined;
    const { value, problem } = decodeJournalEntry(text);
    if (problem !== undefined) this.log.warn(`the entry ${name} of the activity log is passed over: ${problem}`);
    this.known.set(name, value);
    return value;
  }
}

const numberOf = (name: string): number => Number(name.slice(0, name.indexOf('-')));

const idOf = (name: string): string => NAME.exec(name)?.[2] ?? name;

const asLogged = (id: string, entry: JournalEntry, undone: boolean): LoggedMove => ({
  id,
  at: entry.at,
  kind: entry.kind,
  branch: entry.branch,
  from: entry.from,
  to: entry.to,
  by: entry.by,
  worktree: entry.worktree?.root,
  undoes: entry.undoes,
  undone,
});
