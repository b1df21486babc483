import type { ActivityEntry } from '../rpc/conflicts.ts';
import type { SessionView } from '../rpc/model.ts';
import type { Disposable } from '../shared/disposable.ts';
import { messageOf } from '../shared/errors.ts';
import { Emitter } from '../shared/events.ts';

/** What moved in a session, newest first, or why that cannot be told. */
export type Activity = { readonly entries: readonly ActivityEntry[] } | { readonly failure: string };

interface Read {
  /** The state of the session that it was read at. */
  readonly state: string;
  readonly activity: Activity | undefined;
}

/** The activity of the sessions, read from the engine while somebody looks, and again when a session has changed. */
export class ActivityLog implements Disposable {
  private readonly read: (repo: string) => Promise<readonly ActivityEntry[]>;
  private readonly reads = new Map<string, Read>();
  private readonly changed = new Emitter<void>();

  readonly onDidChange = this.changed.event;

  constructor(read: (repo: string) => Promise<readonly ActivityEntry[]>) {
    this.read = read;
  }

  readonly lookUp = (repo: string): Activity | undefined => this.reads.get(repo)?.activity;

  /** Reads what is not of these sessions' present state, and forgets the others. Resolves when it has been read. */
  async follow(sessions: readonly SessionView[]): Promise<void> {
    const repos = new Set(sessions.map(({ repo }) => repo));
    for (const repo of this.reads.keys()) if (!repos.has(repo)) this.reads.delete(repo);
    await Promise.all(sessions.map((session) => this.refresh(session)));
  }

  /** A branch of the repository moved: what was read is old, whatever the session's state says. */
  invalidate(repo: string): void {
    const read = this.reads.get(repo);
    if (read !== undefined) this.reads.set(repo, { ...read, state: '' });
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async refresh(session: SessionView): Promise<void> {
    const { repo } = session;
    const state = stateOf(session);
    const before = this.reads.get(repo);
    if (before?.state === state) return;
    const reading: Read = { state, activity: before?.activity };
    this.reads.set(repo, reading);
    const activity = await this.read(repo).then(
      (entries): Activity => ({ entries }),
      (error: unknown): Activity => ({ failure: messageOf(error) }),
    );
    const now = this.reads.get(repo);
    // One that began later knows better.
    if (now === undefined || (now !== reading && now.state !== '')) return;
    this.reads.set(repo, { state: now.state, activity });
    this.changed.fire();
  }
}

/** What of a session changes when a branch moves; round trips and bytes change all the time. */
const stateOf = ({ phase, self, conflicts, pending, notices, peers }: SessionView): string =>
  JSON.stringify([
    phase,
    self,
    conflicts,
    pending,
    notices,
    peers.map(({ fingerprint, ahead, behind, inSync, lastSync }) => [fingerprint, ahead, behind, inSync, lastSync]),
  ]);
