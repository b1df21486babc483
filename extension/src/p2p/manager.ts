import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EngineEvent, FolderInfo, InviteInfo, Settings } from '../rpc/contract.ts';
import type { EngineState, SessionView } from '../rpc/model.ts';
import { Emitter } from '../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { BranchName } from '../shared/ids.ts';
import type { Home } from './home.ts';
import { identityFromPem, type Identity } from './link/identity.ts';
import { LinkHost } from './link/link-host.ts';
import type { Repository, RepositoryProvider } from './repo/repository.ts';
import { RepositoryLock } from './repository-lock.ts';
import type { Decision } from './session/gatekeeper.ts';
import { decodeInvite, newSecret, newSessionId, type Invite } from './session/invite.ts';
import { CatchingUp } from './session/catching-up.ts';
import { Joining } from './session/joining.ts';
import { admit } from './session/roster.ts';
import { SessionStore, type SessionRecord } from './session/session-store.ts';
import { repositoryName, Session } from './session/session.ts';
import type { Transport } from './transport/transport.ts';

export interface ManagerParts {
  readonly home: Home;
  readonly provider: RepositoryProvider;
  /** The tiers of this build, best first. */
  readonly transports: readonly Transport[];
  readonly version: string;
  readonly log: Logger;
  readonly now: () => number;
  /** Answers other processes of this user that ask for the session of a repository (the CLI). */
  readonly onLocked?: (lock: RepositoryLock) => void;
}

export interface JoinParams {
  /** Link or code. */
  readonly invite: string;
  readonly directory: string;
  readonly link: boolean;
  readonly name: string;
}

/** A join has two ends: the folder can be worked in, and (later, C4) all history is here and the session is live. */
export interface JoinInProgress {
  readonly usable: Promise<void>;
  readonly session: Promise<Session>;
}

interface Running {
  readonly session: Session;
  readonly lock: RepositoryLock;
}

/** Owns the sessions of this engine, one for each repository, and every request about them. */
export class P2PManager {
  private readonly parts: ManagerParts;
  private readonly running = new Map<string, Running>();
  /** Guests on their way in, by folder; not sessions yet. */
  private readonly joins = new Map<string, Joining | CatchingUp>();
  private readonly toldPhases = new WeakMap<Joining | CatchingUp, SessionView['phase']>();
  /** Locks of joins whose folder is usable already. */
  private readonly locks = new Map<string, Promise<RepositoryLock>>();
  private readonly settling = new Map<string, Promise<void>>();
  private configured: Identity | undefined;
  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  constructor(parts: ManagerParts) {
    this.parts = parts;
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
      sessions: [...this.running.values()].map(({ session }) => session.view()).concat(this.joinViews()),
    };
  }

  async inspectFolder(directory: string): Promise<FolderInfo> {
    const state = await this.parts.provider.inspect(directory);
    const empty = (await readdir(directory).catch(() => [])).length === 0;
    if (state.kind === 'no-repository') return { kind: 'no-repository', resumable: false, empty };
    if (state.kind === 'unusable') {
      return { kind: 'unusable', error: { reason: state.reason, message: state.message }, resumable: false, empty };
    }
    const stored = await new SessionStore(state.info.gitDir).load();
    return { kind: 'ready', resumable: stored !== undefined, empty };
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
    return this.exclusively(repo, 0, async (repository, lock) => {
      const store = new SessionStore(repository.info.gitDir);
      const session = newSessionId();
      const now = this.parts.now();
      const founder = admit(identity, session, {
        peer: identity.peer,
        publicKey: identity.publicKey,
        name,
        role: 'owner',
        epoch: 1,
        addedAt: now,
      });
      const record: SessionRecord = {
        v: 1,
        session,
        founder: identity.peer,
        self: identity.peer,
        name,
        repoName: repositoryName(repository.info.root),
        roots: [...repository.info.roots],
        objectFormat: repository.info.objectFormat,
        invite: {
          secret: Buffer.from(newSecret()).toString('base64'),
          expiresAt: now + settings.inviteHours * 3_600_000,
        },
        roster: [founder],
        addresses: {},
        port: 0,
        manifests: {},
        namespaces: {},
        sync: undefined,
        historyComplete: true,
      };
      const started = this.compose(identity, repository, store, record, settings, this.linkHost(identity));
      this.run(started, lock);
      await started.start();
      const { code } = await started.invite();
      this.happenings.fire({
        event: 'session',
        repo: repository.info.root,
        invite: code,
        fingerprint: identity.peer,
        phase: started.phase,
      });
      return { session: started, code };
    });
  }

  /** Joins by invite. Refuses at once what cannot work; the rest shows in the two promises and in the state. */
  async join(request: JoinParams, settings: Settings): Promise<JoinInProgress> {
    const identity = await this.identity();
    const invite = this.checkedInvite(request.invite, identity);
    const directory = resolve(request.directory);
    if (this.joins.has(directory) || this.running.has(directory)) throw alreadyShared(directory);
    const linkHost = this.linkHost(identity);
    const usable = Promise.withResolvers<void>();
    const { provider, now } = this.parts;
    const store = new SessionStore(join(directory, '.git'));
    const onUsable = async (record: SessionRecord): Promise<void> => {
      const locked = RepositoryLock.take(join(directory, '.git'), directory);
      this.locks.set(directory, locked);
      await Promise.all([locked, store.save(record)]).then(() => usable.resolve(), usable.reject);
    };
    const joining = new Joining(
      { identity, provider, linkHost, now, onUsable },
      { invite, directory, link: request.link, name: request.name },
    );
    this.joins.set(directory, joining);
    joining.onChange(() => this.joiningChanged(joining));
    const session = this.finishJoin(joining, identity, settings, linkHost);
    session.then(() => usable.resolve(), usable.reject);
    usable.promise.catch(() => undefined);
    return { usable: usable.promise, session };
  }

  private catchUp(directory: string, record: SessionRecord, identity: Identity, settings: Settings): JoinInProgress {
    if (this.joins.has(directory) || this.running.has(directory)) throw alreadyShared(directory);
    const linkHost = this.linkHost(identity);
    const catchingUp = new CatchingUp({ directory, record, provider: this.parts.provider, linkHost });
    this.joins.set(directory, catchingUp);
    catchingUp.onChange(() => this.joiningChanged(catchingUp));
    this.joiningChanged(catchingUp);
    return { usable: Promise.resolve(), session: this.finishJoin(catchingUp, identity, settings, linkHost) };
  }

  /** Runs a join to its end; whoever asks can wait for that, also when it fails. */
  private finishJoin(
    joining: Joining | CatchingUp,
    identity: Identity,
    settings: Settings,
    linkHost: LinkHost,
  ): Promise<Session> {
    const session = this.becomeSession(joining, identity, settings, linkHost);
    const settled = session.then(
      () => undefined,
      (error: unknown) => this.joinFailed(asPeerweaveError(error)),
    );
    this.settling.set(joining.directory, settled);
    return session;
  }

  private joinFailed({ reason, message }: PeerweaveError): void {
    if (reason !== 'cancelled') this.parts.log.warn(`A join failed: ${message}`);
  }

  cancelJoin(directory: string): void {
    const joining = this.joins.get(resolve(directory));
    if (joining instanceof Joining) joining.cancel();
  }

  /**
   * Brings back the session that this repository had (SE9). Resolves when it is live, or for a clone whose history is still to
   * come (C4) at once: `session` is then live later.
   */
  async resume(repo: string, settings: Settings): Promise<JoinInProgress> {
    const identity = await this.identity();
    const stored = await new SessionStore(join(resolve(repo), '.git')).load();
    if (stored !== undefined) assertSameIdentity(stored, identity);
    if (stored?.historyComplete === false) return this.catchUp(resolve(repo), stored, identity, settings);
    const session = await this.resumeLive(repo, identity, settings);
    return { usable: Promise.resolve(), session: Promise.resolve(session) };
  }

  private resumeLive(repo: string, identity: Identity, settings: Settings): Promise<Session> {
    return this.exclusively(repo, RESUME_PATIENCE_MS, async (repository, lock) => {
      const store = new SessionStore(repository.info.gitDir);
      const record = await store.load();
      if (record === undefined) throw noSession(repo);
      assertSameIdentity(record, identity);
      const session = this.compose(identity, repository, store, record, settings, this.linkHost(identity));
      this.run(session, lock);
      await session.start();
      return session;
    });
  }

  async leave(repo: string): Promise<void> {
    const key = this.keyOf(repo);
    const { session, lock } = this.get(repo);
    this.running.delete(key);
    await session.leave();
    await this.release(session, lock);
  }

  /** Stops every session without leaving any; the engine is about to exit. */
  async suspendAll(): Promise<void> {
    for (const joining of this.joins.values()) joining.suspend();
    const all = [...this.running.values()];
    this.running.clear();
    await Promise.allSettled(
      all.map(async ({ session, lock }) => {
        await session.suspend();
        await this.release(session, lock);
      }),
    );
  }

  /** Stops a session, or a join whose history still arrives, for another engine to go on with. */
  async suspend(repo: string): Promise<void> {
    const key = this.keyOf(repo);
    const joining = this.joins.get(key);
    if (joining !== undefined) {
      joining.suspend();
      await this.settling.get(key);
      return;
    }
    const { session, lock } = this.get(repo);
    this.running.delete(key);
    await session.suspend();
    await this.release(session, lock);
  }

  session(repo: string): Session {
    return this.get(repo).session;
  }

  sessions(): Session[] {
    return [...this.running.values()].map(({ session }) => session);
  }

  decide(repo: string, id: string, decision: Decision): void {
    this.session(repo).decide(id, decision);
  }

  async applyPending(repo: string, branch: BranchName): Promise<void> {
    await this.session(repo).applyPending(branch);
  }

  private async identity(): Promise<Identity> {
    return (this.configured ??= await this.parts.home.identity());
  }

  private checkedInvite(text: string, identity: Identity): Invite {
    const invite = decodeInvite(text);
    if (invite.host === identity.peer) {
      throw new PeerweaveError('bad-request', 'This is your own invite. Send it to the person who should join.');
    }
    return invite;
  }

  private linkHost(identity: Identity): LinkHost {
    const { transports, version, log } = this.parts;
    return new LinkHost({ identity, transports, software: `peerweave/${version}`, log: log.scope('link') });
  }

  private compose(
    identity: Identity,
    repository: Repository,
    store: SessionStore,
    record: SessionRecord,
    settings: Settings,
    linkHost: LinkHost,
  ): Session {
    const { home, log, now } = this.parts;
    const scoped = log.scope('session');
    return new Session({ identity, home, repository, store, linkHost, settings, record, log: scoped, now });
  }

  private run(session: Session, lock: RepositoryLock): void {
    this.running.set(this.keyOf(session.repository.info.root), { session, lock });
    session.onChange(() => this.changes.fire());
    session.onEvent((event) => this.happenings.fire(event));
    this.parts.onLocked?.(lock);
  }

  /** Opens a repository for one session at most, in this engine and any other. */
  private async exclusively<T>(
    repo: string,
    patienceMs: number,
    use: (repository: Repository, lock: RepositoryLock) => Promise<T>,
  ): Promise<T> {
    const repository = await this.parts.provider.open(repo);
    try {
      if (this.running.has(repository.info.root)) throw alreadyShared(repository.info.root);
      const lock = await RepositoryLock.take(repository.info.gitDir, repository.info.root, patienceMs);
      try {
        return await use(repository, lock);
      } catch (error) {
        this.running.get(repository.info.root)?.session.dispose();
        this.running.delete(repository.info.root);
        await lock.release();
        throw error;
      }
    } catch (error) {
      repository.dispose();
      throw asPeerweaveError(error);
    }
  }

  private async release(session: Session, lock: RepositoryLock): Promise<void> {
    session.repository.dispose();
    await lock.release();
    this.changes.fire();
  }

  private get(repo: string): Running {
    const found = this.running.get(this.keyOf(repo));
    if (found === undefined) throw noSession(repo);
    return found;
  }

  private keyOf(repo: string): string {
    return resolve(repo);
  }

  private async becomeSession(
    joining: Joining | CatchingUp,
    identity: Identity,
    settings: Settings,
    linkHost: LinkHost,
  ): Promise<Session> {
    const { directory } = joining;
    try {
      if (joining instanceof CatchingUp) {
        this.locks.set(directory, RepositoryLock.take(join(directory, '.git'), directory, RESUME_PATIENCE_MS));
        await this.locks.get(directory);
      }
      const joined = await joining.run();
      const { repository, record } = joined;
      const { gitDir, root } = repository.info;
      const lock = await (this.locks.get(directory) ?? RepositoryLock.take(gitDir, root));
      const store = new SessionStore(repository.info.gitDir);
      const session = this.compose(identity, repository, store, record, settings, linkHost);
      this.joins.delete(directory);
      this.run(session, lock);
      await session.start(joined);
      return session;
    } catch (error) {
      linkHost.dispose();
      await (await this.locks.get(directory)?.catch(() => undefined))?.release();
      throw asPeerweaveError(error);
    } finally {
      this.joins.delete(directory);
      this.locks.delete(directory);
      this.changes.fire();
    }
  }

  private joiningChanged(joining: Joining | CatchingUp): void {
    const { phase, self, transfer, repo } = joining.view();
    if (this.toldPhases.get(joining) !== phase && phase !== 'live') {
      this.toldPhases.set(joining, phase);
      this.happenings.fire({ event: 'session', repo, fingerprint: self.fingerprint, phase });
    }
    if (transfer !== undefined) {
      const { task, done, total, bytesPerSecond } = transfer;
      this.happenings.fire({ event: 'progress', task, done, total, bytesPerSecond });
    }
    this.changes.fire();
  }

  private joinViews(): SessionView[] {
    return [...this.joins.values()].map((joining) => joining.view());
  }
}

/** A window that reloads lets go of the repository a moment after the next one wants it. */
const RESUME_PATIENCE_MS = 5_000;

function assertSameIdentity(record: SessionRecord, identity: Identity): void {
  if (record.self === identity.peer) return;
  throw new PeerweaveError(
    'no-session',
    'This session was joined with another identity. Join it again with a new invite.',
  );
}

const alreadyShared = (repo: string): PeerweaveError =>
  new PeerweaveError('already-shared', `${repo} is in a session already. Leave it first.`);

const noSession = (repo: string): PeerweaveError =>
  new PeerweaveError('no-session', `${repo} is in no session. Share it, or join one with an invite.`);
