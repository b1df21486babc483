import type { EngineEvent, Settings } from '../../rpc/contract.ts';
import type { SessionView } from '../../rpc/model.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import { branchRef, type BranchName, type PeerId } from '../../shared/ids.ts';
import type { Home } from '../home.ts';
import { type JoinParams, type Manifest, type RosterEntry, type Welcome } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import type { Repository } from '../repo/repository.ts';
import type { Refs } from '../sync/model.ts';
import { decodePersistedSync } from '../sync/persisted.ts';
import { SyncCore } from '../sync/sync-core.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';
import { Activity } from './activity.ts';
import { Gatekeeper, type Decision } from './gatekeeper.ts';
import { encodeInvite, newSecret } from './invite.ts';
import { listenForMembers, portOf } from './listening.ts';
import { headOf, ManifestLedger, refsOf } from './manifest-ledger.ts';
import { repoIdentity } from './manifest.ts';
import { Members } from './members.ts';
import { Mesh } from './mesh.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';
import { approvalView, conflictViews, noticeViews, peerView, pendingViews, type SessionPhase } from './session-view.ts';
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
}

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
  private readonly resources = new DisposableStore();
  private readonly left = new Set<PeerId>();
  private listener: Listener | undefined;
  private ended = false;

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
    this.driver = this.resources.add(this.createDriver());
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

  /** Listens, reads the repository and begins to link. `first` is a guest's link to the host, already through `join`. */
  async start(first?: { readonly link: Link; readonly manifest: () => Manifest }): Promise<void> {
    const { settings, linkHost } = this.parts;
    this.listener = this.resources.add(await listenForMembers(linkHost, settings.listen, this.record.port));
    this.record.port = portOf(this.listener.addresses);
    await this.driver.start();
    await this.save();
    if (first !== undefined) {
      const adopted = this.mesh.adopt(first.link);
      this.receiveManifest(first.link, first.manifest());
      await adopted;
    }
    this.mesh.connect();
    const { root } = this.repository.info;
    this.activity.tell({ event: 'session', repo: root, fingerprint: this.parts.identity.peer, phase: this.phase });
    this.changed();
  }

  view(): SessionView {
    const { record, parts } = this;
    const branches = this.core.branches();
    const nameOf = (peer: PeerId): string => this.members.nameOf(peer);
    const snapshot = this.driver.current;
    const tip = snapshot?.head === undefined ? undefined : snapshot.refs.get(branchRef(snapshot.head));
    const invitation = this.invitation();
    return {
      repo: this.repository.info.root,
      repoName: record.repoName,
      sessionId: record.session,
      role: this.members.self?.role ?? 'read',
      phase: this.phase,
      self: {
        name: record.name,
        fingerprint: parts.identity.peer,
        ...(snapshot?.head === undefined ? {} : { branch: snapshot.head }),
        ...(tip === undefined ? {} : { head: tip }),
      },
      ...(invitation === undefined ? {} : { inviteExpiresAt: invitation.expiresAt }),
      peers: this.present().map((entry) =>
        peerView(
          {
            entry,
            link: this.mesh.link(entry.peer),
            head: headOf(this.ledger.of(entry.peer)),
            inSync: this.core.peerState(entry.peer)?.inSync === true && this.ledger.hasOurs(entry.peer),
            ...this.activity.of(entry.peer),
          },
          branches,
        ),
      ),
      approvals: this.gatekeeper.approvals.map(approvalView),
      conflicts: conflictViews(branches, parts.identity.peer, nameOf),
      pending: pendingViews(branches, nameOf),
      notices: noticeViews(branches, nameOf),
    };
  }

  get phase(): SessionPhase {
    return this.ended ? 'ended' : 'live';
  }

  /** The plain invite code. Owners only; an expired invite is replaced by a new one. */
  async invite(): Promise<{ readonly code: string; readonly expiresAt: number }> {
    const { identity, settings, now } = this.parts;
    if (this.members.self?.role !== 'owner') {
      throw new PeerweaveError(
        'bad-request',
        `Only ${this.members.nameOf(this.record.founder)} can invite to this session.`,
      );
    }
    let invitation = this.invitation();
    if (invitation === undefined || invitation.expiresAt <= now()) {
      invitation = { secret: newSecret(), expiresAt: now() + settings.inviteHours * 3_600_000 };
      const secret = Buffer.from(invitation.secret).toString('base64');
      this.record.invite = { secret, expiresAt: invitation.expiresAt };
      await this.save();
    }
    const code = encodeInvite({
      ...invitation,
      session: this.record.session,
      host: identity.peer,
      hostName: this.record.name,
      repoName: this.record.repoName,
      addresses: this.addresses(),
    });
    return { code, expiresAt: invitation.expiresAt };
  }

  /** Answers a guest that waits; throws `bad-request` when it waits no more. */
  decide(id: string, decision: Decision): void {
    if (!this.gatekeeper.decide(id, decision)) {
      throw new PeerweaveError('bad-request', 'This request was answered already, or the guest gave up.');
    }
  }

  /** Reads, announces and fetches at once; resolves when nothing is outstanding. */
  async sync(): Promise<void> {
    await this.driver.refresh();
    this.driver.handle({ type: 'sync-now' });
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
    this.ended = true;
    this.resources.dispose();
    this.parts.linkHost.dispose();
  }

  private async end(error: PeerweaveError): Promise<void> {
    this.ended = true;
    await this.mesh.close(error);
    this.dispose();
    this.changes.fire();
  }

  private createDriver(): SyncDriver {
    const { log, now } = this.parts;
    return new SyncDriver(this.core, this.repository, {
      log: log.scope('sync'),
      link: (peer) => this.mesh.link(peer),
      namespace: (peer) => this.members.namespace(peer),
      nameOf: (peer) => this.members.nameOf(peer),
      announce: (refs, head) => this.announce(refs, head),
      greet: (peer) => this.greet(peer),
      persist: () => void this.save(),
      refsMoved: (moves, by) => this.activity.refsMoved(this.repository.info.root, moves, by),
      synced: (peer) => this.activity.synced(peer, now()),
      progress: (peer, progress) => this.activity.progress(peer, progress),
      syncFailed: (peer, error) => this.activity.failed(peer, error),
      changed: () => this.changed(),
    });
  }

  private createGatekeeper(): Gatekeeper {
    const { identity, record, settings, home, now } = this.parts;
    return new Gatekeeper({
      self: identity.peer,
      hostName: record.name,
      session: record.session,
      invite: () => this.invitation(),
      approve: settings.approve,
      member: (peer) => this.members.get(peer),
      awaitMember: (peer, signal) => this.members.awaitMember(peer, signal),
      remembers: (peer) => home.remembers(peer),
      remember: (peer) => home.remember(peer),
      admit: (link, name) => this.members.admit(link, name, now()),
      now,
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

  private addresses(): TransportAddress[] {
    return [...(this.listener?.addresses ?? [])];
  }

  private invitation(): { readonly secret: Uint8Array; readonly expiresAt: number } | undefined {
    const { invite } = this.record;
    if (invite === undefined) return undefined;
    return { secret: new Uint8Array(Buffer.from(invite.secret, 'base64')), expiresAt: invite.expiresAt };
  }

  private async letIn(link: Link, params: JoinParams): Promise<Welcome> {
    await this.gatekeeper.admit(link, params);
    this.members.learnAddresses(link.peer, params.addresses);
    const { repoName: name, roots, objectFormat } = this.record;
    return { roster: this.members.all(), repo: { name, roots, objectFormat }, addresses: this.addresses() };
  }

  private membersChanged(): void {
    void this.save();
    for (const link of this.mesh.links()) link.control.notify('roster', { entries: this.members.all() });
    this.mesh.connect();
    this.changed();
  }

  private prepareLink(link: Link): void {
    const { control } = link;
    control.handleNotification('manifest', (manifest) => this.receiveManifest(link, manifest));
    control.handleNotification('roster', ({ entries }) => this.members.merge(entries));
    control.handleNotification('ack', ({ author, seq }) => this.acknowledged(link, author, seq));
    control.handleNotification('presence', ({ members }) => this.presence(link, members));
    link.onExec((command, stream) => this.serve(link, command, stream));
  }

  private linkUp(link: Link): void {
    const { peer } = link;
    this.left.delete(peer);
    this.sharePresence();
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
    this.repository.serve(stream).catch((error: unknown) => {
      this.parts.log.warn(`Serving ${this.members.nameOf(link.peer)}: ${asPeerweaveError(error).message}`);
    });
    return true;
  }

  /** Tells everybody how to reach us and everybody else, so that a full mesh forms. */
  private sharePresence(): void {
    const links = this.mesh.links();
    const self = { peer: this.parts.identity.peer, addresses: this.addresses() };
    for (const link of links) {
      const others = links
        .filter((other) => other.peer !== link.peer)
        .map((other) => ({ peer: other.peer, addresses: [...this.members.addresses(other.peer)] }));
      link.control.notify('roster', { entries: this.members.all() });
      link.control.notify('presence', { members: [self, ...others] });
    }
  }

  /** A peer knows best where it is itself; what it says of others counts only while they are not linked. */
  private presence(link: Link, members: readonly { peer: PeerId; addresses: TransportAddress[] }[]): void {
    let moved = false;
    for (const { peer, addresses } of members) {
      if (peer === link.peer) moved = this.members.learnAddresses(peer, addresses);
      else if (peer !== this.parts.identity.peer && this.mesh.link(peer) === undefined) {
        this.members.learnAddresses(peer, addresses);
      }
    }
    if (moved) this.sharePresence();
    this.mesh.connect();
  }

  private announce(refs: Refs, head: BranchName | undefined): void {
    const manifest = this.ledger.announce(refs, head, this.parts.now());
    this.record.tip = this.ledger.tip;
    // Saved before it is sent: after a crash the chain must go on from what others have seen, or it would look forked (SY1).
    void this.save().then(() => {
      for (const link of this.mesh.links()) link.control.notify('manifest', manifest);
    });
  }

  private greet(peer: PeerId): void {
    const { own } = this.ledger;
    if (own !== undefined) this.mesh.link(peer)?.control.notify('manifest', own);
  }

  private receiveManifest(link: Link, manifest: Manifest): void {
    const { peer } = link;
    try {
      const isNew = this.ledger.receive(manifest, this.members.get(peer));
      if (isNew) this.record.manifests[peer] = manifest;
      this.driver.handle({ type: 'manifest', peer, seq: manifest.seq, refs: refsOf(manifest) });
    } catch (error) {
      this.activity.failed(peer, asPeerweaveError(error));
      this.changed();
    }
  }

  private acknowledged(link: Link, author: PeerId, seq: number): void {
    if (author !== this.parts.identity.peer) return;
    this.ledger.acknowledge(link.peer, seq);
    this.changed();
  }

  private changed(): void {
    this.activity.conflicts(this.core.branches(), this.parts.identity.peer);
    this.changes.fire();
  }

  private save(): Promise<void> {
    this.record.sync = this.core.persisted();
    return this.parts.store.save(this.record).catch((error: unknown) => {
      this.parts.log.error(`Cannot save the session: ${asPeerweaveError(error).message}`);
    });
  }
}
