import { join } from 'node:path';
import type { EngineEvent } from '../rpc/contract.ts';
import type { SessionView } from '../rpc/model.ts';
import { Emitter } from '../shared/events.ts';
import { asPeerweaveError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { RepositoryLock } from './repository-lock.ts';
import type { CatchingUp } from './session/catching-up.ts';
import { Joining } from './session/joining.ts';
import { SessionStore, type SessionRecord } from './session/session-store.ts';
import type { Session } from './session/session.ts';

/** A join has two ends: the folder can be worked in, and (later, C4) all history is here and the session is live. */
export interface JoinInProgress {
  readonly usable: Promise<void>;
  readonly session: Promise<Session>;
}

/** A guest on its way in: by invite, or after a restart with its history still to come. */
export type WayIn = Joining | CatchingUp;
export type Arrived = Awaited<ReturnType<WayIn['run']>>;

/** Takes the lock of a repository; `patienceMs` is how long another engine may hold it before that is an error. */
export type TakeLock = (gitDir: string, repo: string, patienceMs: number) => Promise<RepositoryLock>;

interface Entry {
  readonly way: WayIn;
  /** Of a folder that is ours already; a join that has written nothing yet holds none. */
  lock: Promise<RepositoryLock> | undefined;
  toldPhase: SessionView['phase'] | undefined;
  settled: Promise<unknown>;
}

/** The joins of this engine that are no sessions yet, one a folder. */
export class Joins {
  private readonly entries = new Map<string, Entry>();
  private readonly log: Logger;
  private readonly takeLock: TakeLock;
  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  constructor(log: Logger, takeLock: TakeLock) {
    this.log = log;
    this.takeLock = takeLock;
  }

  has(directory: string): boolean {
    return this.entries.has(directory);
  }

  views(): SessionView[] {
    return [...this.entries.values()].map(({ way }) => way.view());
  }

  /** Runs a way in to its end; `begin` then makes the session of it, which takes over the lock and the repository. */
  run(
    way: WayIn,
    begin: (arrived: Arrived, lock: RepositoryLock) => Promise<Session>,
    patienceMs = 0,
  ): Promise<Session> {
    const entry: Entry = { way, lock: undefined, toldPhase: undefined, settled: Promise.resolve() };
    this.entries.set(way.directory, entry);
    way.onChange(() => this.changed(entry));
    this.changed(entry);
    const session = this.arrive(entry, begin, patienceMs);
    entry.settled = session.catch((error: unknown) => this.log.warn(`Not joined: ${asPeerweaveError(error).message}`));
    return session;
  }

  /** The folder can be worked in: from here on it is ours alone, and a restart can go on. */
  async usable(directory: string, record: SessionRecord): Promise<void> {
    const entry = this.entries.get(directory);
    if (entry === undefined) return;
    const gitDir = join(directory, '.git');
    entry.lock = this.takeLock(gitDir, directory, 0);
    await Promise.all([entry.lock, new SessionStore(gitDir).save(() => record)]);
  }

  /** Gives up; a folder that was made for the join goes again, if nobody has worked in it. */
  cancel(directory: string): void {
    const way = this.entries.get(directory)?.way;
    if (way instanceof Joining) way.cancel();
  }

  /** Gives up and forgets the session, also where the folder stays. */
  async leave(directory: string): Promise<void> {
    const entry = this.entries.get(directory);
    entry?.way.cancel();
    await entry?.settled;
    await new SessionStore(join(directory, '.git')).remove();
  }

  async suspend(directory: string): Promise<void> {
    const entry = this.entries.get(directory);
    entry?.way.suspend();
    await entry?.settled;
  }

  async suspendAll(): Promise<void> {
    await Promise.all([...this.entries.keys()].map((directory) => this.suspend(directory)));
  }

  private async arrive(
    entry: Entry,
    begin: (arrived: Arrived, lock: RepositoryLock) => Promise<Session>,
    patienceMs: number,
  ): Promise<Session> {
    const { way } = entry;
    let arrived: Arrived | undefined;
    try {
      // Before anybody is bothered: a folder that another engine has cannot be joined with.
      const gitDir = await way.check();
      if (gitDir !== undefined) entry.lock = this.takeLock(gitDir, way.directory, patienceMs);
      await entry.lock;
      arrived = await way.run();
      const { info } = arrived.repository;
      entry.lock ??= this.takeLock(info.gitDir, info.root, 0);
      const lock = await entry.lock;
      this.entries.delete(way.directory);
      return await begin(arrived, lock);
    } catch (error) {
      const failure = asPeerweaveError(error);
      await arrived?.link.close(failure);
      arrived?.repository.dispose();
      await (await entry.lock?.catch(() => undefined))?.release();
      throw failure;
    } finally {
      this.entries.delete(way.directory);
      this.changes.fire();
    }
  }

  private changed(entry: Entry): void {
    const { phase, self, transfer, repo } = entry.way.view();
    if (entry.toldPhase !== phase && phase !== 'live') {
      entry.toldPhase = phase;
      this.happenings.fire({ event: 'session', repo, fingerprint: self.fingerprint, phase });
    }
    if (transfer !== undefined) {
      const { task, done, total, bytesPerSecond } = transfer;
      this.happenings.fire({ event: 'progress', task, done, total, bytesPerSecond });
    }
    this.changes.fire();
  }
}
