import { resolve } from 'node:path';
import type { SessionView } from '../../rpc/model.ts';
import { Emitter } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { Identity } from '../link/identity.ts';
import type { Link } from '../link/link.ts';
import type { Welcome } from '../link/control-protocol.ts';
import { peerNamespace } from '../repo/peer-namespace.ts';
import type { Repository, RepositoryProvider, TransferProgress } from '../repo/repository.ts';
import { cancelled, enterSession, type Entered } from './entering.ts';
import { assertUnexpired, type Invite, type MeetingPlace } from './invite.ts';
import { headOf, refsOf } from './manifest-ledger.ts';
import type { Network } from './network.ts';
import { proveInvite } from './proof.ts';
import { Roster } from './roster.ts';
import type { SessionRecord } from './session-store.ts';
import { joiningView, type SessionPhase } from './session-view.ts';
import { UPLOAD_PACK_COMMANDS } from './upload-pack.ts';

/** After the first attempt, which may have hung on dead addresses; longer than a host needs to find a signaling server again that was restarted. */
const HOST_PATIENCE_MS = 10_000;

export interface JoinRequest {
  readonly invite: Invite;
  readonly directory: string;
  /** Link the clone that is there instead of making one. The person was asked (SE10). */
  readonly link: boolean;
  readonly name: string;
}

export interface JoiningParts {
  readonly identity: Identity;
  readonly provider: RepositoryProvider;
  readonly network: Network;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The tip is checked out; history still arrives (C4). Resolves when the record is saved, from which a restart can go on. */
  readonly onUsable: (record: SessionRecord) => Promise<void>;
}

/** What a finished join hands to the session. */
export interface Joined extends Entered {
  readonly repository: Repository;
  readonly record: SessionRecord;
}

/** A guest's way in: connect → prove → wait for a person → clone. Leaves nothing behind when it fails or is cancelled (SE10). */
export class Joining {
  readonly directory: string;
  private readonly parts: JoiningParts;
  private readonly request: JoinRequest;
  private readonly abort = new AbortController();
  private readonly changes = new Emitter<void>();
  readonly onChange = this.changes.event;
  private phase: SessionPhase = 'connecting';
  private progress: TransferProgress | undefined;
  private link: Link | undefined;
  /** What is done when the tip is there; resolves when it is. */
  private taking: Promise<void> | undefined;

  constructor(parts: JoiningParts, request: JoinRequest) {
    this.parts = parts;
    this.request = request;
    this.directory = resolve(request.directory);
  }

  /** A person gave up: what was written goes again. */
  cancel(): void {
    this.stop(cancelled());
  }

  /** The engine goes: a folder that is usable already stays, and a restart fetches the rest. */
  suspend(): void {
    const usable = this.taking !== undefined;
    this.stop(usable ? new PeerweaveError('link-lost', 'The engine stopped; history goes on later.') : cancelled());
  }

  /**
   * Before anybody is bothered: an invite that still counts, and a folder that may be written to. Resolves to the git directory of
   * the clone that is linked, for the caller to lock; a new clone has none yet.
   */
  async check(): Promise<string | undefined> {
    const { request, parts, directory } = this;
    assertUnexpired(request.invite, parts.now());
    if (!request.link) return this.checkVacant();
    const state = await parts.provider.inspect(directory);
    if (state.kind === 'repository') return state.info.gitDir;
    throw state.kind === 'unusable'
      ? new PeerweaveError(state.reason, state.message)
      : new PeerweaveError('not-a-repository', `${directory} is no clone that could be linked.`);
  }

  async run(): Promise<Joined> {
    const entered = await this.enter();
    try {
      const joined = this.request.link ? await this.linkExisting(entered) : await this.clone(entered);
      // Its record says that history is missing; it must not be written after the session's own.
      await this.taking;
      this.to('live');
      return joined;
    } catch (error) {
      const failure = asPeerweaveError(this.abort.signal.aborted ? this.abort.signal.reason : error);
      await entered.link.close(failure);
      throw failure;
    }
  }

  /** Not in the middle of taking the folder: what is removed then would come back. */
  private stop(reason: PeerweaveError): void {
    const abort = (): void => this.abort.abort(reason);
    if (this.taking === undefined) abort();
    else void this.taking.then(abort, abort);
  }

  view(): SessionView {
    return joiningView({
      directory: this.directory,
      invite: this.request.invite,
      self: { name: this.request.name, fingerprint: this.parts.identity.peer },
      phase: this.phase,
      link: this.link,
      room: this.parts.network.status,
      progress: this.progress,
    });
  }

  private async checkVacant(): Promise<undefined> {
    const { provider } = this.parts;
    const vacant = await provider.isVacant(this.directory).catch((error: unknown) => {
      const message = `${this.directory} is not a folder that can be cloned into.`;
      throw new PeerweaveError('folder-not-empty', message, { cause: error });
    });
    if (vacant) return undefined;
    const state = await provider.inspect(this.directory);
    throw new PeerweaveError(
      'folder-not-empty',
      state.kind === 'repository'
        ? `${this.directory} holds a repository already. Join into a new folder, or link this clone if it is of the same project.`
        : `${this.directory} is not empty. Choose a new or empty folder; nothing was changed.`,
    );
  }

  /** A host that has just lost its way to the signaling server is given the time to come back there. */
  private async enter(): Promise<Entered> {
    const { network } = this.parts;
    const { host, hostName } = this.request.invite;
    try {
      return await this.enterOnce();
    } catch (error) {
      const failure = asPeerweaveError(error);
      if (failure.reason !== 'unreachable' || network.status === undefined || network.isPresent(host)) throw failure;
      if (await network.awaitPresence(host, HOST_PATIENCE_MS, this.abort.signal)) return this.enterOnce();
      throw network.whyUnreachable(hostName, failure);
    }
  }

  private enterOnce(): Promise<Entered> {
    const { invite, name } = this.request;
    const { identity, network } = this.parts;
    return enterSession({
      linkHost: network.linkHost,
      peer: invite.host,
      addresses: network.addressesOf(invite.host, invite.addresses),
      params: ({ sessionBinding }) => ({
        session: invite.session,
        name,
        // Told to everybody once the session listens.
        addresses: [],
        proof: proveInvite(invite.secret, { sessionBinding, guest: identity.peer, host: invite.host }).toString(
          'base64',
        ),
      }),
      onLink: (link) => {
        this.link = link;
        this.changes.fire();
      },
      onWaiting: () => this.to('waiting-approval'),
      signal: this.abort.signal,
    });
  }

  private async clone(entered: Entered): Promise<Joined> {
    this.to('cloning');
    const { link, welcome } = entered;
    const record = this.recordOf(entered);
    const manifest = entered.manifest();
    const head = headOf(manifest);
    const repository = await this.parts.provider.clone({
      directory: this.directory,
      objectFormat: welcome.repo.objectFormat,
      peer: link.peer,
      namespace: record.namespaces[link.peer] ?? link.peer,
      refs: refsOf(manifest),
      ...(head === undefined ? {} : { head }),
      connect: (signal, what) => link.exec(UPLOAD_PACK_COMMANDS[what === 'tip' ? 'tip' : 'everything'], { signal }),
      onUsable: () => {
        this.taking = this.usable({ ...record, historyComplete: false });
      },
      onProgress: (progress) => {
        this.progress = progress;
        this.changes.fire();
      },
      signal: this.abort.signal,
    });
    return { ...entered, repository, record };
  }

  private async usable(record: SessionRecord): Promise<void> {
    try {
      await this.parts.onUsable(record);
      // A small history may be here already.
      if (this.phase === 'cloning') this.to('history');
    } catch (error) {
      // A folder that cannot be held, or not be resumed, is none to work in.
      this.abort.abort(asPeerweaveError(error));
    }
  }

  private async linkExisting(entered: Entered): Promise<Joined> {
    const repository = await this.parts.provider.open(this.directory);
    try {
      assertRelated(repository, entered.welcome);
      return { ...entered, repository, record: this.recordOf(entered) };
    } catch (error) {
      repository.dispose();
      throw error;
    }
  }

  private recordOf({ welcome, heard }: Entered): SessionRecord {
    const { invite } = this.request;
    const roster = new Roster(invite.session, invite.host);
    const people = heard();
    roster.merge([...welcome.roster, ...people.roster]);
    const self = this.parts.identity.peer;
    const entry = roster.get(self);
    if (entry === undefined || roster.get(invite.host) === undefined) {
      throw new PeerweaveError(
        'not-admitted',
        `${invite.hostName} let us in, but its list of members does not verify.`,
      );
    }
    const meeting = invite.meeting && storedMeeting(invite.meeting);
    return {
      v: 1,
      session: invite.session,
      founder: invite.host,
      self,
      name: entry.name,
      repoName: welcome.repo.name,
      roots: welcome.repo.roots,
      objectFormat: welcome.repo.objectFormat,
      ...(meeting === undefined ? {} : { meeting }),
      roster: roster.entries(),
      // Of everybody, so that another member can be asked for the history when the host is gone.
      addresses: {
        ...Object.fromEntries(roster.entries().map(({ peer }) => [peer, [...(people.addresses.get(peer) ?? [])]])),
        [invite.host]: welcome.addresses.length > 0 ? welcome.addresses : [...invite.addresses],
      },
      port: 0,
      manifests: {},
      namespaces: { [invite.host]: peerNamespace(invite.hostName, invite.host, new Set()) },
      sync: undefined,
      historyComplete: true,
    };
  }

  private to(phase: SessionPhase): void {
    this.phase = phase;
    this.changes.fire();
  }
}

const storedMeeting = ({ secret, urls }: MeetingPlace): NonNullable<SessionRecord['meeting']> => ({
  secret: Buffer.from(secret).toString('base64'),
  urls: [...urls],
});

/** Two clones are of one project when they share a root commit (SE10). */
function assertRelated(repository: Repository, welcome: Welcome): void {
  const { info } = repository;
  if (info.objectFormat !== welcome.repo.objectFormat) {
    throw new PeerweaveError(
      'object-format-mismatch',
      `This clone uses ${info.objectFormat} object ids, the shared repository ${welcome.repo.objectFormat}. Join into a new folder.`,
    );
  }
  const theirs = new Set(welcome.repo.roots);
  if (info.roots.some((root) => theirs.has(root))) return;
  throw new PeerweaveError(
    'unrelated-repository',
    `${info.root} is a clone of another project than ${welcome.repo.name}. Join into a new folder; nothing was changed.`,
  );
}
