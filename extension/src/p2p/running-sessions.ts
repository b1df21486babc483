import { resolve } from 'node:path';
import type { EngineEvent } from '../rpc/contract.ts';
import { Emitter } from '../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { Home } from './home.ts';
import type { Repository, RepositoryProvider } from './repo/repository.ts';
import { RepositoryLock } from './repository-lock.ts';
import { SessionStore } from './session/session-store.ts';
import { Session, type SessionParts } from './session/session.ts';

export interface RunningSessionsParts {
  readonly home: Home;
  readonly provider: RepositoryProvider;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Answers other processes of this user that ask for the session of a repository (the CLI). */
  readonly onLocked: (lock: RepositoryLock) => void;
  /** How long a person has to answer for a guest; five minutes when absent (SE4). */
  readonly approvalTimeoutMs?: number;
}

interface Running {
  readonly session: Session;
  readonly lock: RepositoryLock;
}

/** The sessions that run in this engine, one for each repository, and the locks that keep other engines from it. */
export class RunningSessions {
  private readonly parts: RunningSessionsParts;
  private readonly joining: (directory: string) => boolean;
  private readonly running = new Map<string, Running>();
  /** Repositories that a session is being started on. */
  private readonly starting = new Set<string>();
  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  /** `joining` tells of folders that a join of this engine has. */
  constructor(parts: RunningSessionsParts, joining: (directory: string) => boolean) {
    this.parts = parts;
    this.joining = joining;
  }

  get all(): readonly Session[] {
    return [...this.running.values()].map(({ session }) => session);
  }

  /** Their folders. */
  get folders(): readonly string[] {
    return [...this.running.keys()];
  }

  has(directory: string): boolean {
    return this.running.has(directory);
  }

  /** The session of a repository. Throws `no-session`. */
  get(repo: string): Session {
    return this.entry(repo).session;
  }

  /** The absolute folder, if no session and no join of this engine has it. Throws `already-shared`. */
  free(repo: string): string {
    const directory = resolve(repo);
    const taken = this.joining(directory) || this.running.has(directory) || this.starting.has(directory);
    if (!taken) return directory;
    throw new PeerweaveError('already-shared', `${directory} is in a session already. Leave it first.`);
  }

  async takeLock(gitDir: string, repo: string, patienceMs: number): Promise<RepositoryLock> {
    const lock = await RepositoryLock.take(gitDir, repo, patienceMs);
    this.parts.onLocked(lock);
    return lock;
  }

  /** Opens a repository for one session at most, in this engine and any other. */
  async exclusively(
    repo: string,
    patienceMs: number,
    use: (repository: Repository, lock: RepositoryLock) => Promise<Session>,
  ): Promise<Session> {
    const repository = await this.parts.provider.open(repo);
    let lock: RepositoryLock | undefined;
    let claimed: string | undefined;
    try {
      const { gitDir } = repository.info;
      const root = this.free(repository.info.root);
      this.starting.add(root);
      claimed = root;
      lock = await this.takeLock(gitDir, root, patienceMs);
      return await use(repository, lock);
    } catch (error) {
      await lock?.release();
      repository.dispose();
      throw asPeerweaveError(error);
    } finally {
      if (claimed !== undefined) this.starting.delete(claimed);
    }
  }

  /** Makes the session and runs it. Once it is live, its lock and its repository go when it does; before, the caller sees to them. */
  async begin(
    own: Pick<SessionParts, 'identity' | 'repository' | 'record' | 'settings' | 'network'>,
    lock: RepositoryLock,
    first?: Parameters<Session['start']>[0],
  ): Promise<Session> {
    const { home, log, now, approvalTimeoutMs } = this.parts;
    const { gitDir, root } = own.repository.info;
    const store = new SessionStore(gitDir);
    const session = new Session({ ...own, home, store, log: log.scope('session'), now, approvalTimeoutMs });
    session.onChange(() => this.changes.fire());
    session.onEvent((event) => this.happenings.fire(event));
    this.running.set(root, { session, lock });
    try {
      await session.start(first);
      return session;
    } catch (error) {
      this.running.delete(root);
      session.dispose();
      throw error;
    }
  }

  /** Ends a session in the given way, and lets go of its repository. Throws `no-session`, and what ending throws. */
  async stop(repo: string, end: (session: Session) => Promise<void>): Promise<void> {
    const { session, lock } = this.entry(repo);
    this.running.delete(resolve(repo));
    try {
      await end(session);
    } finally {
      session.repository.dispose();
      await lock.release();
      this.changes.fire();
    }
  }

  private entry(repo: string): Running {
    const found = this.running.get(resolve(repo));
    if (found === undefined) throw noSession(repo);
    return found;
  }
}

export const noSession = (repo: string): PeerweaveError =>
  new PeerweaveError('no-session', `${repo} is in no session. Share it, or join one with an invite.`);
