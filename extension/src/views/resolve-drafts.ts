import * as z from 'zod';
import { draft as draftSchema, type SavedDraft } from './resolve-messages.ts';

/**
 * Decisions of merges that are not finished, kept by the editor with the workspace: they outlive the page, the window and pushes of peers
 * (CO6). What is read back is decoded like anything from outside, and it cannot grow without end.
 */

/** The part of `vscode.Memento` that is used. */
export interface DraftMemory {
  get(key: string): unknown;
  keys(): readonly string[];
  update(key: string, value: unknown): PromiseLike<void>;
}

/** UTF-16 units of one draft's JSON. A person's decisions are far less; text that was typed may be much. */
const MAX_ONE = 8_000_000;
const MAX_ALL = 32_000_000;
const MAX_DRAFTS = 50;
/** A conflict that was settled while no page looked leaves its draft behind; nobody comes back to it after so long. */
const MAX_AGE_MS = 60 * 24 * 60 * 60_000;

const PREFIX = 'peerweave.draft:';
const stored = z.object({ at: z.number(), size: z.number(), draft: draftSchema });
type Stored = z.infer<typeof stored>;

export class DraftStore {
  private readonly memory: DraftMemory;
  private readonly now: () => number;

  /** `now` in Unix milliseconds. */
  constructor(memory: DraftMemory, now: () => number = Date.now) {
    this.memory = memory;
    this.now = now;
  }

  get(repo: string, branch: string): SavedDraft | undefined {
    return this.read(keyOf(repo, branch))?.draft;
  }

  /** False when it is too large to be kept; an older one stays then. An empty draft is none. */
  set(repo: string, branch: string, draft: SavedDraft): boolean {
    if (isEmpty(draft)) {
      this.remove(repo, branch);
      return true;
    }
    const size = JSON.stringify(draft).length;
    if (size > MAX_ONE) return false;
    const key = keyOf(repo, branch);
    void this.memory.update(key, { at: this.now(), size, draft } satisfies Stored);
    this.prune(key);
    return true;
  }

  remove(repo: string, branch: string): void {
    const key = keyOf(repo, branch);
    if (this.memory.get(key) !== undefined) void this.memory.update(key, undefined);
  }

  /** Drops what is damaged or too old, and the oldest of what is too much. `keep` was just written. */
  private prune(keep: string): void {
    const others = this.memory.keys().filter((key) => key.startsWith(PREFIX) && key !== keep);
    const newest = others
      .map((key) => ({ key, entry: this.read(key) }))
      .sort((a, b) => (b.entry?.at ?? 0) - (a.entry?.at ?? 0));
    let [count, size] = [1, this.read(keep)?.size ?? 0];
    for (const { key, entry } of newest) {
      count += 1;
      size += entry?.size ?? 0;
      const old = entry === undefined || this.now() - entry.at > MAX_AGE_MS;
      if (old || count > MAX_DRAFTS || size > MAX_ALL) void this.memory.update(key, undefined);
    }
  }

  private read(key: string): Stored | undefined {
    const entry = stored.safeParse(this.memory.get(key));
    return entry.success ? entry.data : undefined;
  }
}

/** No part of a path or a branch name is a NUL. */
const keyOf = (repo: string, branch: string): string => `${PREFIX}${repo}\0${branch}`;

/** Nothing was decided and nothing written. */
export const isEmpty = ({ files, message }: SavedDraft): boolean =>
  message === undefined &&
  Object.values(files).every(({ choices, whole }) => whole === undefined && Object.keys(choices).length === 0);
