import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EngineEvent, FolderInfo, InviteInfo, Settings } from '../rpc/contract.ts';
import type { EngineState } from '../rpc/model.ts';
import { deferred } from '../shared/deferred-promise.ts';
import { Emitter } from '../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { Home } from './home.ts';
import { Joins, type Arrived, type JoinInProgress } from './joins.ts';
import { identityFromPem, type Identity } from './link/identity.ts';
import { LinkHost } from './link/link-host.ts';
import type { Repository, RepositoryProvider } from './repo/repository.ts';
import { RepositoryLock } from './repository-lock.ts';
import { CatchingUp } from './session/catching-up.ts';
import { foundSession } from './session/founding.ts';
import { decodeInvite, type Invite } from './session/invite.ts';
import { Joining } from './session/joining.ts';
import { SessionStore, type SessionRecord } from './session/session-store.ts';
import { Session } from './session/session.ts';
import type { Transport } from './transport/transport.ts';

export interface ManagerParts {
  readonly home: Home;
  readonly provider: RepositoryProvider;
  /** The tiers of this build, best first. */
  readonly transports: readonly Transport[];
  readonly version: string;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Answers other processes of this user that ask for the session of a repository (the CLI). */
  readonly onLocked: (lock: RepositoryLock) => void;
}

export interface JoinParams {
  /** Link or code. */
  readonly invite: string;
  readonly directory: string;
  /** Link the clone that is there instead of making one. */
  readonly link: boolean;
  readonly name: string;
}

interface Running {
  readonly session: Session;
  readonly lock: RepositoryLock;
}

/** A window that reloads lets go of the repository a moment after the next one wants it. */
const RESUME_PATIENCE_MS = 5_000;

/** Owns the sessions of this engine, one for each repository. */
export class P2PManager {
  private readonly parts: ManagerParts;
  private readonly running = new Map<string, Running>();
  private readonly joins: Joins;
  private configured: Identity | undefined;
  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  constructor(parts: ManagerParts) {
    this.parts = parts;
    this.joins = new Joins(parts.log);
    this.joins.onChange(() => this.changes.fire());
    this.joins.onEvent((event) => this.happenings.fire(event));
  }

  /** Sets the identity from the editor's SecretStorage; without one the key file of the home is used. */
  async configure(pem: string | undefined): Promise<Identity> {
    this.configured = pem === undefined ? await this.parts.home.identity() : identityFromPem(pem);
    return this.configured;
  }

  async state(): Promise<EngineState> {
    return {
      version: this.parts.version,
      fingerprint: (await this.identity()).peer,
      sessions: [...this.running.values()].map(({ session }) => session.view()).concat(this.joins.views()),
    };
  }

  async inspectFolder(directory: string): Promise<FolderInfo> {
    const stored = await new SessionStore(join(resolve(directory), '.git')).load();
    const resumable = stored !== undefined;
    const empty = (await readdir(directory).catch(() => [])).length === 0;
    // A clone whose history still arrives is shallow, and ours to complete.
    if (stored?.historyComplete === false) return { kind: 'ready', resumable, empty };
    const state = await this.parts.provider.inspect(directory);
    switch (state.kind) {
      case 'repository':
        return { kind: 'ready', resumable, empty };
      case 'no-repository':
        return { kind: 'no-repository', resumable: false, empty };
      case 'unusable':
        return { kind: 'unusable', error: { reason: state.reason, message: state.message }, resumable: false, empty };
    }
  }

  async initRepository(directory: string): Promise<void> {
    (await this.parts.provider.init(directory)).dispose();
  }

  inspectInvite(text: string): InviteInfo {
    const { repoName, hostName, host, session, expiresAt } = decodeInvite(text);
    return { repoName, hostName, hostFingerprint: host, sessionId: session, expiresAt };
  }

  /** Starts a session on a repository (SE1) and returns it with its invite code. */
  async share(repo: string, name: string, settings: Settings): Promise<{ session: Session; code: string }> {
    const identity = await this.identity();
    const session = await this.exclusively(repo, 0, async (repository, lock) => {
      const record = foundSession(identity, repository.info, name, settings.inviteHours, this.parts.now());
      return this.begin(identity, repository, record, settings, lock);
    });
    const { code } = await session.invite();
    const { root } = session.repository.info;
    this.happenings.fire({
      event: 'session',
      repo: root,
      invite: code,
      fingerprint: identity.peer,
      phase: session.phase,
    });
    return { session, code };
  }

  /** Joins by invite. Throws at once what cannot work; the rest shows in the two promises and in the state. */
  async join(request: JoinParams, settings: Settings): Promise<JoinInProgress> {
    const identity = await this.identity();
    const invite = checkedInvite(request.invite, identity);
    const directory = this.free(request.directory);
    const linkHost = this.linkHost(identity);
    const usable = deferred();
    const store = new SessionStore(join(directory, '.git'));
    const onUsable = (record: SessionRecord): Promise<void> =>
      this.joins.usable(directory, store, record).then(() => usable.resolve(), usable.reject);
    const { provider, now } = this.parts;
    const joining = new Joining(
      { identity, provider, linkHost, now, onUsable },
      { invite, directory, link: request.link, name: request.name },
    );
    const session = this.joins.run(joining, (arrived, lock) =>
      this.arrived(arrived, lock, identity, settings, linkHost),
    );
    session.then(() => usable.resolve(), usable.reject);
    // Whoever wants to know may wait for the other end only; this one must not end the process.
    session.catch(() => undefined);
    return { usable: usable.promise, session };
  }

  cancelJoin(directory: string): void {
    this.joins.cancel(resolve(directory));
  }

  /**
   * Brings back the session that this repository had (SE9). Resolves when it is live, or for a clone whose history is still to
   * come (C4) at once: `session` is then live later.
   */
  async resume(repo: string, settings: Settings): Promise<JoinInProgress> {
    const identity = await this.identity();
    const stored = await new SessionStore(join(resolve(repo), '.git')).load();
    if (stored?.historyComplete === false) return this.catchUp(this.free(repo), stored, identity, settings);
    const session = await this.exclusively(repo, RESUME_PATIENCE_MS, async (repository, lock) => {
      const record = await new SessionStore(repository.info.gitDir).load();
      if (record === undefined) throw noSession(repo);
      assertSameIdentity(record, identity);
      return this.begin(identity, repository, record, settings, lock);
    });
    return { usable: Promise.resolve(), session: Promise.resolve(session) };
  }

  async leave(repo: string): Promise<void> {
    await this.stop(repo, (session) => session.leave());
  }

  /** Stops a session, or a join whose history still arrives, for another engine to go on with. */
  async suspend(repo: string): Promise<void> {
    const directory = resolve(repo);
    const joining = this.joins.has(directory);
    await this.joins.suspend(directory);
    // A join that was about to finish has become a session meanwhile.
    if (!joining || this.running.has(directory)) await this.stop(directory, (session) => session.suspend());
  }

  /** Stops everything without leaving; the engine is about to exit. */
  async suspendAll(): Promise<void> {
    await Promise.allSettled([this.joins.suspendAll(), ...[...this.running.keys()].map((repo) => this.suspend(repo))]);
  }

  session(repo: string): Session {
    return this.get(repo).session;
  }

  private async identity(): Promise<Identity> {
    return (this.configured ??= await this.parts.home.identity());
  }

  private linkHost(identity: Identity): LinkHost {
    const { transports, version, log } = this.parts;
    return new LinkHost({ identity, transports, software: `peerweave/${version}`, log: log.scope('link') });
  }

  private catchUp(directory: string, record: SessionRecord, identity: Identity, settings: Settings): JoinInProgress {
    assertSameIdentity(record, identity);
    const linkHost = this.linkHost(identity);
    const catchingUp = new CatchingUp({ directory, record, provider: this.parts.provider, linkHost });
    const session = this.joins.run(
      catchingUp,
      (arrived, lock) => this.arrived(arrived, lock, identity, settings, linkHost),
      RESUME_PATIENCE_MS,
    );
    session.catch(() => linkHost.dispose());
    return { usable: Promise.resolve(), session };
  }

  private async arrived(
    arrived: Arrived,
    lock: RepositoryLock,
    identity: Identity,
    settings: Settings,
    linkHost: LinkHost,
  ): Promise<Session> {
    return this.begin(identity, arrived.repository, arrived.record, settings, lock, { ...arrived, linkHost });
  }

  /** Makes the session, runs it, and takes care of its lock and its repository from here on. */
  private async begin(
    identity: Identity,
    repository: Repository,
    record: SessionRecord,
    settings: Settings,
    lock: RepositoryLock,
    first?: Arrived & { readonly linkHost: LinkHost },
  ): Promise<Session> {
    const { home, log, now } = this.parts;
    const store = new SessionStore(repository.info.gitDir);
    const linkHost = first?.linkHost ?? this.linkHost(identity);
    const parts = { identity, home, repository, store, linkHost, settings, record, log: log.scope('session'), now };
    const session = new Session(parts);
    session.onChange(() => this.changes.fire());
    session.onEvent((event) => this.happenings.fire(event));
    this.running.set(repository.info.root, { session, lock });
    this.parts.onLocked(lock);
    try {
      await session.start(first);
      return session;
    } catch (error) {
      this.running.delete(repository.info.root);
      session.dispose();
      throw error;
    }
  }

  private async stop(repo: string, end: (session: Session) => Promise<void>): Promise<void> {
    const { session, lock } = this.get(repo);
    this.running.delete(resolve(repo));
    await end(session);
    session.repository.dispose();
    await lock.release();
    this.changes.fire();
  }

  /** Opens a repository for one session at most, in this engine and any other. */
  private async exclusively(
    repo: string,
    patienceMs: number,
    use: (repository: Repository, lock: RepositoryLock) => Promise<Session>,
  ): Promise<Session> {
    const repository = await this.parts.provider.open(repo);
    let lock: RepositoryLock | undefined;
    try {
      this.free(repository.info.root);
      lock = await RepositoryLock.take(repository.info.gitDir, repository.info.root, patienceMs);
      return await use(repository, lock);
    } catch (error) {
      await lock?.release();
      repository.dispose();
      throw asPeerweaveError(error);
    }
  }

  /** The absolute folder, if no session and no join of this engine has it. */
  private free(repo: string): string {
    const directory = resolve(repo);
    if (!this.joins.has(directory) && !this.running.has(directory)) return directory;
    throw new PeerweaveError('already-shared', `${directory} is in a session already. Leave it first.`);
  }

  private get(repo: string): Running {
    const found = this.running.get(resolve(repo));
    if (found === undefined) throw noSession(repo);
    return found;
  }
}

function checkedInvite(text: string, identity: Identity): Invite {
  const invite = decodeInvite(text);
  if (invite.host !== identity.peer) return invite;
  throw new PeerweaveError('bad-request', 'This is your own invite. Send it to the person who should join.');
}

function assertSameIdentity(record: SessionRecord, identity: Identity): void {
  if (record.self === identity.peer) return;
  throw new PeerweaveError(
    'no-session',
    'This session was joined with another identity. Join it again with a new invite.',
  );
}

const noSession = (repo: string): PeerweaveError =>
  new PeerweaveError('no-session', `${repo} is in no session. Share it, or join one with an invite.`);
