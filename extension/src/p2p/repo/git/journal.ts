import { randomBytes } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { messageOf } from '../../../shared/errors.ts';
import { isOid, type BranchName } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { MOVE_KINDS } from '../move-kind.ts';
import { refNameProblem } from '../ref-name.ts';
import { isMissing, readText, syncFolder } from './files.ts';
import { outlived } from './process-alive.ts';

const oid = z.string().refine(isOid);
const branchName = z.custom<BranchName>(
  (value) => typeof value === 'string' && refNameProblem(`refs/heads/${value}`) === undefined,
);

const entrySchema = z.object({
  branch: branchName,
  from: oid.nullable(),
  to: oid.nullable(),
  message: z.string(),
  kind: z.enum(MOVE_KINDS).default('fast-forward'),
  by: z.string().max(200).optional(),
  undoes: z.string().max(100).optional(),
  /** Unix milliseconds when it began. */
  at: z.number().min(0).default(0),
  /** The worktree that moves along. */
  worktree: z.object({ root: z.string().min(1), gitDir: z.string().min(1) }).nullable(),
  /** No move, but a merge with markers of `to` into the worktree: the tree that its files go to, and what the markers call `to`. */
  markers: z.object({ tree: oid, label: z.string().regex(/^peerweave\/merging\/[a-z0-9-]{1,200}$/) }).optional(),
  /** The engine that is at it. */
  pid: z.number().int().positive(),
});

/**
 * A move of a branch that is under way. Written before anything else of the move; after the last of it, it goes to the activity log
 * (`activity-log.ts`), or nowhere if nothing moved (SY11).
 */
export type JournalEntry = Readonly<z.infer<typeof entrySchema>>;

const possessionsSchema = z.object({
  /** The git processes at work for the move; they may outlive the engine for a moment. */
  processes: z.array(z.number().int().positive()),
  /** Locks that git took for us, told from anybody else's by what the file system says of them. */
  locks: z.array(z.object({ path: z.string(), identity: z.string() })),
});

export type Possessions = Readonly<z.infer<typeof possessionsSchema>>;

const NOTHING: Possessions = { processes: [], locks: [] };

/** Moves that this process is at, by the path of their entry: opening the repository once more must not take them for leftovers. */
const underWay = new Set<string>();

/**
 * Entries live in `.git/peerweave/journal/`: `<id>.json`, and beside it what belongs to the move: `<id>.held`, `<id>.lock`,
 * `<id>.index` (`index-lock.ts`).
 */
export class Journal {
  private readonly folder: string;
  /** Where entries go that nobody can read: kept for whoever wants to look, out of the way of every opening. */
  private readonly unreadable: string;

  constructor(gitDir: string) {
    this.folder = join(gitDir, 'peerweave', 'journal');
    this.unreadable = join(gitDir, 'peerweave', 'journal-unreadable');
  }

  /** Durable when it resolves. */
  async write(entry: JournalEntry): Promise<JournalRecord> {
    await mkdir(this.folder, { recursive: true });
    const id = `${process.pid}-${randomBytes(8).toString('hex')}`;
    const record = new JournalRecord(this.folder, id, entry);
    underWay.add(record.base);
    try {
      const handle = await open(`${record.base}.json.new`, 'wx');
      try {
        await handle.writeFile(JSON.stringify(entry));
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(`${record.base}.json.new`, `${record.base}.json`);
      await syncFolder(this.folder);
    } catch (error) {
      await record.remove();
      throw error;
    }
    return record;
  }

  /** What earlier engines left. An entry that is not what we write is moved aside, and what a move never began with is swept. */
  async leftovers(log: Logger): Promise<JournalRecord[]> {
    const names = await list(this.folder);
    const ids = new Set(names.map((name) => name.slice(0, name.indexOf('.'))));
    const found: JournalRecord[] = [];
    for (const id of ids) {
      const base = join(this.folder, id);
      const pid = Number(/^(\d+)-/.exec(id)?.[1] ?? NaN);
      if (underWay.has(base) || (await this.belongsToOther(pid, names, id))) continue;
      const entry = names.includes(`${id}.json`) ? await this.read(`${id}.json`, log) : undefined;
      if (entry === undefined) await removeAll(this.folder, id);
      else if (entry.pid === process.pid || !outlived(entry.pid, await modifiedAt(`${base}.json`)))
        found.push(new JournalRecord(this.folder, id, entry));
    }
    return found;
  }

  /** True for what a living engine is at, even when it has not yet got to the entry itself. */
  private async belongsToOther(pid: number, names: readonly string[], id: string): Promise<boolean> {
    if (Number.isNaN(pid) || pid === process.pid) return false;
    const mine = names.find((name) => name.startsWith(`${id}.`));
    return mine !== undefined && outlived(pid, await modifiedAt(join(this.folder, mine)));
  }

  private async read(name: string, log: Logger): Promise<JournalEntry | undefined> {
    const path = join(this.folder, name);
    const text = await readText(path);
    if (text === undefined) return undefined;
    const parsed = decodeJournalEntry(text);
    if (parsed.value !== undefined) return parsed.value;
    await mkdir(this.unreadable, { recursive: true });
    const aside = join(this.unreadable, name);
    await rename(path, aside);
    log.error(
      `An interrupted move of a branch could not be read (${parsed.problem}). It was set aside as ${aside}; no ref was touched. ` +
        'Compare the worktree with its branch (`git status`) before you go on.',
    );
    return undefined;
  }
}

/** The entry of one move, and what lies beside it. */
export class JournalRecord {
  readonly id: string;
  readonly entry: JournalEntry;
  /** Path without extension of everything that belongs to the move. */
  readonly base: string;
  private readonly folder: string;
  private possessions = NOTHING;

  constructor(folder: string, id: string, entry: JournalEntry) {
    this.folder = folder;
    this.id = id;
    this.entry = entry;
    this.base = join(folder, id);
  }

  /** Notes what is ours beyond this process, so that recovery can tell it. At once and not synced: it must beat a crash of the engine. */
  hold(more: { process?: number | undefined; locks?: readonly string[] }): void {
    const { processes, locks } = this.possessions;
    const taken = (more.locks ?? []).flatMap((path) => {
      const identity = identityOf(path);
      return identity === undefined ? [] : [{ path, identity }];
    });
    this.possessions = {
      processes: more.process === undefined ? processes : [...processes, more.process],
      locks: [...locks, ...taken],
    };
    writeFileSync(`${this.base}.held`, JSON.stringify(this.possessions));
  }

  /** What a crashed engine held. */
  async held(): Promise<Possessions> {
    return parse(possessionsSchema, (await readText(`${this.base}.held`)) ?? '').value ?? NOTHING;
  }

  /** When the move began, in milliseconds since 1970. */
  begunAt(): Promise<number> {
    return modifiedAt(`${this.base}.json`);
  }

  /** Forgets the move. */
  remove(): Promise<void> {
    return this.end((entry) => rm(entry, { force: true }));
  }

  /** Ends the move: `conclude` takes the file of the entry away, after what lies beside it, which is only recognised through the entry. */
  async end(conclude: (entry: string) => Promise<void>): Promise<void> {
    await removeAll(this.folder, this.id, conclude);
    this.leave();
  }

  /** Leaves the entry to whoever opens the repository next. */
  leave(): void {
    underWay.delete(this.base);
  }
}

/** What tells one lock file from another of the same path; undefined when there is none. */
export function identityOf(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}:${stats.mtimeNs}`;
}

async function removeAll(
  folder: string,
  id: string,
  conclude = (entry: string): Promise<void> => rm(entry, { force: true }),
): Promise<void> {
  const mine = (await list(folder)).filter((name) => name.startsWith(`${id}.`));
  for (const name of mine) if (name !== `${id}.json`) await rm(join(folder, name), { force: true });
  if (mine.includes(`${id}.json`)) await conclude(join(folder, `${id}.json`));
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await lstat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

/** An entry as it was written, in the journal or in the activity log; or what is wrong with it. */
export const decodeJournalEntry = (text: string): ReturnType<typeof parse<JournalEntry>> => parse(entrySchema, text);

function parse<T>(
  schema: z.ZodType<T>,
  text: string,
): { value: T; problem?: undefined } | { value?: undefined; problem: string } {
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? { value: result.data } : { problem: z.prettifyError(result.error).replaceAll('\n', '; ') };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
