import { join, resolve } from 'node:path';
import type { EngineEvent, FolderInfo, InviteInfo, Settings } from '../rpc/contract.ts';
import type { EngineState } from '../rpc/model.ts';
import { deferred } from '../shared/deferred-promise.ts';
import { Emitter } from '../shared/events.ts';
import { PeerweaveError } from '../shared/errors.ts';
import { inspectFolder } from './folder-info.ts';
import { Joins, type JoinInProgress, type WayIn } from './joins.ts';
import type { Identity } from './link/identity.ts';
import { OwnIdentity } from './own-identity.ts';
import type { RepositoryLock } from './repository-lock.ts';
import { noSession, RunningSessions, type RunningSessionsParts } from './running-sessions.ts';
import { CatchingUp } from './session/catching-up.ts';
import { foundSession } from './session/founding.ts';
import { decodeInvite, type Invite, type MeetingPlace } from './session/invite.ts';
import { Joining } from './session/joining.ts';
import { checkedSignalingUrls, meetingPlaceOf } from './session/meeting-place.ts';
import type { Network } from './session/network.ts';
import { SessionStore, type SessionRecord } from './session/session-store.ts';
import type { Session, SessionParts } from './session/session.ts';

export interface ManagerParts extends RunningSessionsParts {
  /** Makes what a session reaches its members by. */
  readonly openNetwork: OpenNetwork;
  /** Settings that act at once changed. */
  readonly applySettings: (settings: Settings) => void;
  readonly version: string;
}

export type OpenNetwork = (request: {
  readonly identity: Identity;
  readonly meeting: MeetingPlace | undefined;
  readonly settings: Settings;
}) => Network;

export interface JoinParams {
  /** Link or code. */
  readonly invite: string;
  readonly directory: string;
  /** Link the clone that is there instead of making one. */
  readonly link: boolean;
  readonly name: string;
}

interface JoinOptions {
  readonly invite: Invite;
  readonly request: JoinParams;
  readonly identity: Identity;
  readonly settings: Settings;
  readonly signal: AbortSignal | undefined;
}

/** A window that reloads lets go of the repository a moment after the next one wants it. */
const RESUME_PATIENCE_MS = 5_000;

/** Opens the sessions of this engine, one for each repository: shared, joined or resumed; and ends them. */
export class P2PManager {
  private readonly parts: ManagerParts;
  private readonly running: RunningSessions;
  private readonly joins: Joins;
  private readonly identity: OwnIdentity;
  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  constructor(parts: ManagerParts) {
    this.parts = parts;
    this.identity = new OwnIdentity(parts.home);
    this.running = new RunningSessions(parts, (directory) => this.joins.has(directory));
    this.joins = new Joins(parts.log, (gitDir, repo, patienceMs) => this.running.takeLock(gitDir, repo, patienceMs));
    for (const part of [this.running, this.joins]) {
      part.onChange(() => this.changes.fire());
      part.onEvent((event) => this.happenings.fire(event));
    }
  }

  /** Sets the identity from the editor's SecretStorage; without one the key file of the home is used. */
  configure(pem: string | undefined): Promise<Identity> {
    return this.identity.configure(pem);
  }

  async state(): Promise<EngineState> {
    return {
      version: this.parts.version,
      fingerprint: (await this.identity.get()).peer,
      sessions: this.sessions.map((session) => session.view()).concat(this.joins.views()),
    };
  }

  inspectFolder(directory: string): Promise<FolderInfo> {
    return inspectFolder(this.parts.provider, directory);
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
    const identity = await this.identity.get();
    const urls = checkedSignalingUrls(settings.signalingUrl);
    const session = await this.running.exclusively(repo, 0, async (repository, lock) => {
      const record = foundSession(identity, repository.info, name, settings.inviteHours, this.parts.now());
      return this.beginWith(meetingAt(record, urls), { identity, repository, settings }, lock);
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

  /**
   * Joins by invite. Throws at once what cannot work; the rest shows in the two promises and in the state. `signal` cancels, as
   * `cancelJoin` does, until the session is live.
   */
  async join(request: JoinParams, settings: Settings, signal?: AbortSignal): Promise<JoinInProgress> {
    const identity = await this.identity.get();
    const invite = checkedInvite(request.invite, identity);
    const network = this.parts.openNetwork({ identity, meeting: invite.meeting, settings });
    try {
      // Where one cannot listen a session cannot begin; better to know before the host is asked and everything is cloned.
      await network.tryListening(settings.listen);
      signal?.throwIfAborted();
      return this.joinBy(network, this.running.free(request.directory), {
        invite,
        request,
        identity,
        settings,
        signal,
      });
    } catch (error) {
      network.dispose();
      throw error;
    }
  }

  private joinBy(
    network: Network,
    directory: string,
    { invite, request, identity, settings, signal }: JoinOptions,
  ): JoinInProgress {
    const usable = deferred();
    const onUsable = async (record: SessionRecord): Promise<void> => {
      await this.joins.usable(directory, record);
      usable.resolve();
    };
    const { provider, now } = this.parts;
    const joining = new Joining(
      { identity, provider, network, now, onUsable },
      { invite, directory, link: request.link, name: request.name },
    );
    const onAbort = (): void => joining.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    const session = this.arrival(joining, identity, settings, network, 0);
    const over = (): void => signal?.removeEventListener('abort', onAbort);
    session.then(over, over);
    session.then(() => usable.resolve(), usable.reject);
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
    const identity = await this.identity.get();
    const stored = await new SessionStore(join(resolve(repo), '.git')).load();
    if (stored?.historyComplete === false) return this.catchUp(this.running.free(repo), stored, identity, settings);
    const session = await this.running.exclusively(repo, RESUME_PATIENCE_MS, async (repository, lock) => {
      const record = await new SessionStore(repository.info.gitDir).load();
      if (record === undefined) throw noSession(repo);
      assertSameIdentity(record, identity);
      const urls = record.founder === identity.peer ? checkedSignalingUrls(settings.signalingUrl) : [];
      return this.beginWith(meetingAt(record, urls), { identity, repository, settings }, lock);
    });
    return { usable: Promise.resolve(), session: Promise.resolve(session) };
  }

  /** Lets changed settings act in everything that runs, as far as they can; the rest counts from the next session on. */
  applySettings(settings: Settings): void {
    this.parts.applySettings(settings);
    for (const session of this.sessions) session.applySettings(settings);
  }

  /** Ends a session, or a join that is under way, and forgets it. */
  async leave(repo: string): Promise<void> {
    if (this.joins.has(resolve(repo))) await this.joins.leave(resolve(repo));
    else await this.running.stop(repo, (session) => session.leave());
  }

  /** Stops a session, or a join whose history still arrives, for another engine to go on with. */
  async suspend(repo: string): Promise<void> {
    const directory = resolve(repo);
    const joining = this.joins.has(directory);
    await this.joins.suspend(directory);
    // A join that was about to finish has become a session meanwhile.
    if (!joining || this.running.has(directory)) await this.running.stop(directory, (session) => session.suspend());
  }

  /** Stops everything without leaving; the engine is about to exit. */
  async suspendAll(): Promise<void> {
    await Promise.allSettled([this.joins.suspendAll(), ...this.running.folders.map((repo) => this.suspend(repo))]);
  }

  /** The sessions that run; joins are none yet. */
  get sessions(): readonly Session[] {
    return this.running.all;
  }

  session(repo: string): Session {
    return this.running.get(repo);
  }

  /** Opens the network that the record names, and runs the session on it. */
  private async beginWith(
    record: SessionRecord,
    own: Pick<SessionParts, 'identity' | 'repository' | 'settings'>,
    lock: RepositoryLock,
  ): Promise<Session> {
    const { identity, settings } = own;
    const network = this.parts.openNetwork({ identity, meeting: meetingPlaceOf(record), settings });
    return this.running.begin({ ...own, record, network }, lock);
  }

  private catchUp(directory: string, record: SessionRecord, identity: Identity, settings: Settings): JoinInProgress {
    assertSameIdentity(record, identity);
    const network = this.parts.openNetwork({ identity, meeting: meetingPlaceOf(record), settings });
    const catchingUp = new CatchingUp({ directory, record, provider: this.parts.provider, network });
    return {
      usable: Promise.resolve(),
      session: this.arrival(catchingUp, identity, settings, network, RESUME_PATIENCE_MS),
    };
  }

  /** Runs a guest's way in, and begins the session at its end. */
  private arrival(
    way: WayIn,
    identity: Identity,
    settings: Settings,
    network: Network,
    patienceMs: number,
  ): Promise<Session> {
    const session = this.joins.run(
      way,
      ({ repository, record, ...first }, lock) =>
        this.running.begin({ identity, repository, record, settings, network }, lock, first),
      patienceMs,
    );
    // Whoever wants to know may wait for the other end only; this one must not end the process.
    session.catch(() => network.dispose());
    return session;
  }
}

/** The record with the owner's present choice of servers; without one it keeps what it has. */
function meetingAt(record: SessionRecord, urls: string[]): SessionRecord {
  if (record.meeting === undefined || urls.length === 0) return record;
  return { ...record, meeting: { ...record.meeting, urls } };
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
