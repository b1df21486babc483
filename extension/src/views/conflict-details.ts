import type { ConflictDetail } from '../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import type { Disposable } from '../shared/disposable.ts';
import { messageOf } from '../shared/errors.ts';
import { Emitter } from '../shared/events.ts';
import { conflictKey } from './conflict-words.ts';

/** What is known of a conflict beyond the session model: everything, or why not. */
export type Known = { readonly detail: ConflictDetail } | { readonly failure: string };

/** Looks up what is known of a conflict; undefined before it was read. */
export type LookUp = (repo: string, conflict: ConflictView) => Known | undefined;

/**
 * The conflicts in full, read from the engine when somebody looks, and cached under the commits they are of (ED2): an entry never gets
 * stale, only useless.
 */
export class ConflictDetails implements Disposable {
  private readonly read: (repo: string, branch: string) => Promise<ConflictDetail>;
  private readonly entries = new Map<string, { readonly done: Promise<Known>; known: Known | undefined }>();
  private readonly changed = new Emitter<void>();

  /** Fires when one was read, or forgotten. */
  readonly onDidChange = this.changed.event;

  constructor(read: (repo: string, branch: string) => Promise<ConflictDetail>) {
    this.read = read;
  }

  readonly lookUp: LookUp = (repo, conflict) => this.entries.get(conflictKey(repo, conflict))?.known;

  /** Reads it unless that was done. Never rejects: a failure is an answer, until it is forgotten. */
  load(repo: string, conflict: ConflictView): Promise<Known> {
    const key = conflictKey(repo, conflict);
    const found = this.entries.get(key);
    if (found !== undefined) return found.done;
    const done = this.fetch(repo, conflict);
    const entry: { done: Promise<Known>; known: Known | undefined } = { done, known: undefined };
    this.entries.set(key, entry);
    void done.then((known) => {
      entry.known = known;
      if (this.entries.get(key) === entry) this.changed.fire();
    });
    return done;
  }

  /** Drops what no session has any more. */
  prune(sessions: readonly SessionView[]): void {
    const alive = new Set(
      sessions.flatMap(({ repo, conflicts }) => conflicts.map((conflict) => conflictKey(repo, conflict))),
    );
    for (const key of this.entries.keys()) if (!alive.has(key)) this.entries.delete(key);
  }

  /** Lets what failed be tried again. */
  forgetFailures(): void {
    for (const [key, { known }] of this.entries) {
      if (known !== undefined && 'failure' in known) this.entries.delete(key);
    }
    this.changed.fire();
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async fetch(repo: string, conflict: ConflictView): Promise<Known> {
    try {
      const detail = await this.read(repo, conflict.branch);
      if (isOf(detail, conflict)) return { detail };
      // The engine tells of what blocks a branch before what a peer did to it besides.
      const waits = detail.kind !== conflict.kind && detail.kind === 'diverged';
      return { failure: waits ? 'It is told in full when the branch is settled.' : 'The branch has moved meanwhile.' };
    } catch (error) {
      return { failure: messageOf(error) };
    }
  }
}

/** The engine answers for the branch as it is now, which may have moved since the view was drawn. */
function isOf({ kind, sides }: ConflictDetail, conflict: ConflictView): boolean {
  const tips = new Set(conflict.candidates.map(({ oid }) => oid));
  return kind === conflict.kind && sides.length === tips.size && sides.every(({ tip }) => tips.has(tip));
}
