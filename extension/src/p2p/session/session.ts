import type { EngineEvent, Settings } from '../../rpc/contract.ts';
import type { SessionView } from '../../rpc/model.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { DisposableStore, disposable, type Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import type { BranchName, PeerId } from '../../shared/ids.ts';
import type { Home } from '../home.ts';
import {
  MAX_ADDRESSES,
  type JoinParams,
  type Manifest,
  type RosterEntry,
  type Welcome,
} from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import { asFileFailure } from '../repo/git/git-failure.ts';
import type { Repository } from '../repo/repository.ts';
import { decodePersistedSync } from '../sync/persisted.ts';
import { SyncCore } from '../sync/sync-core.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';
import { Activity } from './activity.ts';
import { Conversation } from './conversation.ts';
import { Gatekeeper, type Decision } from './gatekeeper.ts';
import { Invitation } from './invitation.ts';
import { listenForMembers, portOf } from './listening.ts';
import { headOf, ManifestLedger, refsOf } from './manifest-ledger.ts';
import { repoIdentity } from './manifest.ts';
import { Members } from './members.ts';
import { Mesh } from './mesh.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';
import { liveView, type PeerFacts, type SessionPhase } from './session-view.ts';
import { SyncDriver, UPLOAD_PACK_COMMAND } from './sync-driver.ts';

/** Everything a session is made of; the composition root hands it in. */
export interface SessionParts {
  readonly identity: Identity;
  readonly home: Home;
  readonly repository: Repository;
  readonly store: SessionStore;
  readonly linkHost: LinkHost;
  readonly settings: Settings;
  readonly record: SessionRecord;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How long a person has to answer for a guest; five minutes when absent (SE4). */
  readonly approvalTimeoutMs?: number | undefined;
}

/** What is under way when a session ends, such as a move of a branch, gets this long to come to its end. */
const END_PATIENCE_MS = 5_000;

/**
 * A live session on one repository: who is in it (members, gatekeeper), who is linked (mesh), what everybody has (ledger, sync
 * driver), and what of that survives a restart (store). Starts in `start`, ends in `leave` or `suspend`.
 */
export class Session implements Disposable {
  readonly repository: Repository;
  private readonly parts: SessionParts;
  private readonly record: SessionRecord;
  private readonly members: Members;
  private readonly activity: Activity;
  private readonly ledger: ManifestLedger;
  private readonly core: SyncCore;
  private readonly driver: SyncDriver;
  private readonly mesh: Mesh;
  private readonly gatekeeper: Gatekeeper;
  private readonly invitation: Invitation;
  private readonly conversation: Conversation;
  private readonly ending = new AbortController();
  private readonly resources = new DisposableStore();
  private readonly left = new Set<PeerId>();
  private listener: Listener | undefined;
  /** Told once, until a save succeeds again. */
  private saveFailed = false;

  private readonly changes = new Emitter<void>();
  /** The view changed. */
  readonly onChange = this.changes.event;
  readonly onEvent: Event<EngineEvent>;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.record = parts.record;
    this.repository = parts.repository;
    const { identity, record, log, settings } = parts;
    this.members = new Members(identity, record);
    this.activity = new Activity(log, (peer) => this.members.nameOf(peer));
    this.onEvent = this.activity.onEvent;
    const binding = { session: record.session, repo: repoIdentity(record.roots), epoch: 1 };
    const manifests = Object.values(record.manifests);
    this.ledger = new ManifestLedger(identity, binding, { tip: record.tip, manifests });
    const restored = decodePersistedSync(record.sync);
    this.core = new SyncCore({
      autoSync: settings.autoSync,
      jitter: () => Math.random(),
      ...(restored === undefined ? {} : { restored }),
    });
    this.resources.add(disposable(() => this.ending.abort()));
    this.conversation = this.createConversation();
    this.driver = this.resources.add(this.createDriver());
    this.invitation = new Invitation({
      self: identity.peer,
      record,
      members: this.members,
      hours: settings.inviteHours,
      now: parts.now,
      addresses: () => this.addresses(),
      save: () => this.save(),
    });
    this.gatekeeper = this.createGatekeeper();
    this.mesh = this.resources.add(this.createMesh());
    this.resources.add(this.members.onChange(() => this.membersChanged()));
    this.resources.add(
      this.gatekeeper.onChange(() => {
        this.activity.waiting(this.gatekeeper.approvals);
        this.changed();
      }),
    );
  }

  /**
   * Listens, reads the repository and begins to link. `first` is a guest's link to the host, already through `join`. Throws
   * `bad-request` or `unreachable` when it cannot listen, `cancelled` when the session was ended meanwhile.
   */
  async start(first?: { readonly link: Link; readonly manifest: () => Manifest }): Promise<void> {
    const { settings, linkHost, identity } = this.parts;
    this.listener = this.resources.add(await listenForMembers(linkHost, settings.listen, this.record.port));
    this.record.port = portOf(this.listener.addresses);
    await this.driver.start();
    await this.save();
    if (this.phase === 'ended') throw new PeerweaveError('cancelled', 'The session was left while it began.');
    const { root } = this.repository.info;
    this.activity.tell({ event: 'session', repo: root, fingerprint: identity.peer, phase: this.phase });
    if (first !== undefined) {
      const adopted = this.mesh.adopt(first.link);
      this.conversation.receiveManifest(first.link, first.manifest());
      await adopted;
    }
    this.mesh.connect();
    this.changed();
  }

  view(): SessionView {
    return liveView({
      root: this.repository.info.root,
      record: this.record,
      phase: this.phase,
      self: this.members.self,
      refs: this.driver.current,
      inviteExpiresAt: this.invitation.current?.expiresAt,
      peers: this.present().map((entry) => this.factsOf(entry)),
      approvals: this.gatekeeper.approvals,
      branches: this.core.branches(),
      nameOf: (peer) => this.members.nameOf(peer),
    });
  }

  get phase(): SessionPhase {
    return this.ending.signal.aborted ? 'ended' : 'live';
  }

  /** The plain invite code. Throws `bad-request` for members that cannot invite. */
  invite(): Promise<{ readonly code: string; readonly expiresAt: number }> {
    return this.invitation.code();
  }

  /** Answers a guest that waits; throws `bad-request` when it waits no more. */
  decide(id: string, decision: Decision): void {
    if (!this.gatekeeper.decide(id, decision)) {
      throw new PeerweaveError('bad-request', 'This request was answered already, or the guest gave up.');
    }
  }

  /**
   * Announces what is here, hears from everybody who is linked, fetches and plans, at once; resolves when nothing of that is
   * outstanding. Members that are not linked are dialed, and not waited for.
   */
  async sync(): Promise<void> {
    this.mesh.redialAll();
    await this.driver.refresh();
    this.driver.handle({ type: 'sync-now' });
    await this.conversation.hearEverybody();
    await this.driver.idle();
  }

  /** Takes an update that waits, after review (SY6). */
  async applyPending(branch: BranchName): Promise<void> {
    this.driver.handle({ type: 'apply-pending', branch });
    await this.driver.idle();
  }

  /** Ends the session for us and forgets it (SE9). The repository keeps all it has. */
  async leave(): Promise<void> {
    await this.end(new PeerweaveError('peer-left', `${this.record.name} left the session.`));
    await this.parts.store.remove();
  }

  /** Stops without leaving: a reload or a restart resumes (SE9). */
  async suspend(): Promise<void> {
    await this.end(new PeerweaveError('link-lost', `${this.record.name} closed the editor.`));
    await this.save();
  }

  dispose(): void {
    this.resources.dispose();
    this.parts.linkHost.dispose();
  }

  private async end(error: PeerweaveError): Promise<void> {
    this.ending.abort();
    this.gatekeeper.close(error);
    await Promise.all([this.driver.stop(END_PATIENCE_MS), this.mesh.close(error)]);
    this.dispose();
    this.changes.fire();
  }

  private createConversation(): Conversation {
    return new Conversation({
      self: this.parts.identity.peer,
      members: this.members,
      ledger: this.ledger,
      mesh: () => this.mesh,
      addresses: () => this.addresses(),
      now: this.parts.now,
      save: () => this.save(),
      received: (peer, manifest) => {
        this.record.manifests[peer] = manifest;
        this.driver.handle({ type: 'manifest', peer, seq: manifest.seq, refs: refsOf(manifest) });
      },
      refused: (peer, error) => {
        this.activity.failed(peer, error);
        this.changed();
      },
      acknowledged: () => this.changed(),
      refresh: async () => {
        await this.driver.refresh();
        await this.driver.announced();
      },
    });
  }

  private createDriver(): SyncDriver {
    const { log, now } = this.parts;
    return new SyncDriver(this.core, this.repository, {
      log: log.scope('sync'),
      link: (peer) => this.mesh.link(peer),
      namespace: (peer) => this.members.namespace(peer),
      nameOf: (peer) => this.members.nameOf(peer),
      announce: (refs, head) => this.conversation.announce(refs, head),
      greet: (peer) => this.conversation.greet(peer),
      persist: () => void this.save(),
      refsMoved: (moves, by) => this.activity.refsMoved(this.repository.info.root, moves, by),
      synced: (peer) => this.activity.synced(peer, now()),
      progress: (peer, progress) => this.activity.progress(peer, progress),
      syncFailed: (peer, error) => this.activity.failed(peer, error),
      changed: () => this.changed(),
    });
  }

  private createGatekeeper(): Gatekeeper {
    const { identity, record, settings, home, now, log, approvalTimeoutMs } = this.parts;
    return new Gatekeeper({
      self: identity.peer,
      hostName: record.name,
      session: record.session,
      log: log.scope('session'),
      invite: () => this.invitation.current,
      approve: settings.approve,
      isMember: (peer) => this.members.get(peer) !== undefined,
      awaitMember: (peer, signal) => this.members.awaitMember(peer, signal),
      remembers: (peer) => home.remembers(peer),
      remember: (peer) => home.remember(peer),
      admit: (link, name) => this.members.admit(link, name, now()),
      now,
      ...(approvalTimeoutMs === undefined ? {} : { approvalTimeoutMs }),
    });
  }

  private createMesh(): Mesh {
    const { identity, log, linkHost } = this.parts;
    const mesh = new Mesh({
      self: identity.peer,
      log: log.scope('link'),
      host: linkHost,
      members: () => this.present().map((entry) => entry.peer),
      addresses: (peer) => this.members.addresses(peer),
      prepare: (link) => this.prepareLink(link),
      admit: (link, params) => this.letIn(link, params),
      joinParams: () => ({ session: this.record.session, name: this.record.name, addresses: this.addresses() }),
      welcomed: (link, welcome) => {
        this.members.learnAddresses(link.peer, welcome.addresses);
        this.members.merge(welcome.roster);
      },
    });
    this.resources.add(mesh.onUp((link) => this.linkUp(link)));
    this.resources.add(mesh.onDown(({ link, error }) => this.linkDown(link, error)));
    this.resources.add(mesh.onChange((link) => this.linkChanged(link)));
    return mesh;
  }

  /** Members that did not say goodbye in this run: who left is neither called nor shown until it comes back by itself. */
  private present(): RosterEntry[] {
    return this.members.others().filter((entry) => !this.left.has(entry.peer));
  }

  private factsOf(entry: RosterEntry): PeerFacts {
    const { peer } = entry;
    return {
      entry,
      link: this.mesh.link(peer),
      head: headOf(this.ledger.of(peer)),
      inSync: this.core.peerState(peer)?.inSync === true && this.ledger.hasOurs(peer),
      ...this.activity.of(peer),
    };
  }

  /** A machine full of virtual networks has more than others take; the last of them is the loopback, which few can use. */
  private addresses(): TransportAddress[] {
    return (this.listener?.addresses ?? []).slice(0, MAX_ADDRESSES);
  }

  private async letIn(link: Link, params: JoinParams): Promise<Welcome> {
    await this.gatekeeper.admit(link, params);
    this.members.learnAddresses(link.peer, params.addresses);
    const { repoName: name, roots, objectFormat } = this.record;
    return { roster: this.members.all(), repo: { name, roots, objectFormat }, addresses: this.addresses() };
  }

  private membersChanged(): void {
    void this.save();
    this.conversation.shareRoster();
    this.mesh.connect();
    this.changed();
  }

  private prepareLink(link: Link): void {
    this.conversation.listenTo(link);
    link.onExec((command, stream) => this.serve(link, command, stream));
  }

  private linkUp(link: Link): void {
    const { peer } = link;
    this.left.delete(peer);
    this.conversation.sharePresence();
    void this.save();
    this.activity.peer(peer, 'online', link);
    this.driver.handle({ type: 'peer-up', peer });
  }

  private linkDown({ peer }: Link, { reason }: PeerweaveError): void {
    this.driver.cancelFetch(peer);
    this.driver.handle({ type: 'peer-down', peer });
    if (reason === 'peer-left') {
      this.left.add(peer);
      this.driver.handle({ type: 'peer-gone', peer });
    }
    this.activity.peer(peer, this.left.has(peer) ? 'left' : 'offline', undefined);
    this.mesh.connect();
  }

  private linkChanged(link: Link): void {
    if (link.state === 'closed') return;
    this.activity.peer(link.peer, link.state === 'connected' ? 'online' : 'reconnecting', link);
    this.changed();
  }

  private serve(link: Link, command: string, stream: Parameters<Repository['serve']>[0]): boolean {
    if (command !== UPLOAD_PACK_COMMAND) return false;
    this.repository.serve(stream, { signal: this.ending.signal }).catch((error: unknown) => {
      if (this.ending.signal.aborted) return;
      this.parts.log.warn(`Serving ${this.members.nameOf(link.peer)}: ${asPeerweaveError(error).message}`);
    });
    return true;
  }

  private changed(): void {
    this.activity.conflicts(this.core.branches(), this.parts.identity.peer);
    this.changes.fire();
  }

  private async save(): Promise<void> {
    const { store, log } = this.parts;
    try {
      await store.save(() => ({ ...this.record, tip: this.ledger.tip, sync: this.core.persisted() }));
      this.saveFailed = false;
    } catch (error) {
      const { reason, message } = asPeerweaveError(asFileFailure(error));
      log.error(`Cannot save the session: ${message}`);
      if (!this.saveFailed)
        this.activity.tell({ event: 'error', reason, message: `Cannot save the session: ${message}` });
      this.saveFailed = true;
    }
  }
}
