import { basename } from 'node:path';
import type { EngineEvent, Settings } from '../../rpc/contract.ts';
import type { SessionView, Transfer } from '../../rpc/model.ts';
import { Emitter } from '../../shared/events.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import { branchRef, type BranchName, type PeerId } from '../../shared/ids.ts';
import type { Home } from '../home.ts';
import { MAX_NAME_LENGTH, type JoinParams, type Manifest, type RosterEntry, type Welcome } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import { peerNamespace } from '../repo/peer-namespace.ts';
import type { RefMove, Repository, TransferProgress } from '../repo/repository.ts';
import { SyncCore } from '../sync/sync-core.ts';
import { decodePersistedSync } from '../sync/persisted.ts';
import type { Refs } from '../sync/model.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';
import { Gatekeeper, type Decision } from './gatekeeper.ts';
import { encodeInvite, newSecret } from './invite.ts';
import { headOf, ManifestLedger, refsOf } from './manifest-ledger.ts';
import { repoIdentity } from './manifest.ts';
import { Mesh } from './mesh.ts';
import { admit, Roster } from './roster.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';
import {
  approvalView,
  conflictViews,
  noticeViews,
  peerView,
  pendingViews,
  type SessionPhase,
} from './session-view.ts';
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
  readonly now: () => number;
}

const APPROVE_ROLE = 'owner';

/**
 * A live session on one repository: who is in it (roster, gatekeeper), who is linked (mesh), what everybody has (ledger, sync
 * driver), and what of that survives a restart (store). Starts in `start`, ends in `leave` or `suspend`.
 */
export class Session implements Disposable {
  readonly repository: Repository;
  private readonly parts: SessionParts;
  private readonly record: SessionRecord;
  private readonly roster: Roster;
  private readonly ledger: ManifestLedger;
  private readonly core: SyncCore;
  private readonly driver: SyncDriver;
  private readonly mesh: Mesh;
  private readonly gatekeeper: Gatekeeper;
  private readonly resources = new DisposableStore();
  private readonly seen = new Set<PeerId>();
  private readonly lastSync = new Map<PeerId, number>();
  private readonly transfers = new Map<PeerId, Transfer>();
  private readonly errors = new Map<PeerId, PeerweaveError>();
  private readonly addressBook = new Map<PeerId, readonly TransportAddress[]>();
  private readonly rosterChanges = new Emitter<void>();
  private readonly reportedConflicts = new Map<string, string>();
  private listener: Listener | undefined;
  private ended = false;

  private readonly changes = new Emitter<void>();
  private readonly happenings = new Emitter<EngineEvent>();
  /** The view changed. */
  readonly onChange = this.changes.event;
  readonly onEvent = this.happenings.event;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.record = parts.record;
    this.repository = parts.repository;
    const { identity, record, log, settings, home, now } = parts;
    this.roster = new Roster(record.session, record.founder);
    this.roster.merge(record.roster);
    for (const [peer, addresses] of Object.entries(record.addresses)) this.addressBook.set(peer as PeerId, addresses);
    const binding = { session: record.session, repo: repoIdentity(record.roots), epoch: 1 };
    const manifests = Object.values(record.manifests);
    this.ledger = new ManifestLedger(identity, binding, { tip: record.tip, manifests });
    const restored = decodePersistedSync(record.sync);
    this.core = new SyncCore({ autoSync: settings.autoSync, ...(restored === undefined ? {} : { restored }) });
    this.driver = this.resources.add(
      new SyncDriver(this.core, this.repository, {
        log: log.scope('sync'),
        link: (peer) => this.mesh.link(peer),
        namespace: (peer) => this.namespace(peer),
        nameOf: (peer) => this.nameOf(peer),
        announce: (refs, head) => this.announce(refs, head),
        greet: (peer) => this.greet(peer),
        persist: () => this.save(),
        refsMoved: (moves, by) => this.refsMoved(moves, by),
        synced: (peer) => this.synced(peer),
        progress: (peer, progress) => this.progressed(peer, progress),
        syncFailed: (peer, error) => this.failed(peer, error),
        changed: () => this.changed(),
      }),
    );
    this.gatekeeper = new Gatekeeper({
      self: identity.peer,
      hostName: record.name,
      session: record.session,
      invite: () => this.invitation(),
      approve: settings.approve,
      member: (peer) => this.roster.get(peer),
      awaitMember: (peer, signal) => this.awaitMember(peer, signal),
      remembers: (peer) => home.remembers(peer),
      remember: (peer) => home.remember(peer),
      admit: (link, name) => this.admitGuest(link, name),
      now,
    });
    this.mesh = this.resources.add(
      new Mesh({
        self: identity.peer,
        log: log.scope('link'),
        host: parts.linkHost,
        members: () => this.peers().map((entry) => entry.peer),
        addresses: (peer) => this.addressBook.get(peer) ?? [],
        admit: async (link, params) => this.letIn(link, params),
        joinParams: () => this.joinParams(),
        welcomed: (link, welcome) => this.welcomed(link, welcome),
      }),
    );
    this.resources.add(this.gatekeeper.onChange(() => this.approvalsChanged()));
    this.resources.add(this.mesh.onUp((link) => this.linkUp(link)));
    this.resources.add(this.mesh.onDown(({ link }) => this.linkDown(link)));
    this.resources.add(this.mesh.onChange((link) => this.linkChanged(link)));
  }

  /** Listens, reads the repository and begins to link. `first` is a guest's link to the host, already through `join`. */
  async start(first?: { readonly link: Link; readonly manifest: Manifest | undefined }): Promise<void> {
    const { settings, linkHost } = this.parts;
    this.listener = await listen(linkHost, settings.listen, this.record.port);
    this.resources.add(this.listener);
    this.record.port = portOf(this.listener.addresses);
    await this.driver.start();
    await this.save();
    if (first !== undefined) {
      this.mesh.adopt(first.link);
      if (first.manifest !== undefined) this.receiveManifest(first.link, first.manifest);
    }
    this.mesh.connect();
    this.emitSession();
  }

  view(): SessionView {
    const { record, parts } = this;
    const branches = this.core.branches();
    const nameOf = (peer: PeerId): string => this.nameOf(peer);
    const snapshot = this.driver.current;
    const tip = snapshot?.head === undefined ? undefined : snapshot.refs.get(branchRef(snapshot.head));
    const invitation = this.invitation();
    return {
      repo: this.repository.info.root,
      repoName: record.repoName,
      sessionId: record.session,
      role: this.roster.get(parts.identity.peer)?.role ?? 'read',
      phase: this.phase,
      self: {
        name: record.name,
        fingerprint: parts.identity.peer,
        ...(snapshot?.head === undefined ? {} : { branch: snapshot.head }),
        ...(tip === undefined ? {} : { head: tip }),
      },
      ...(invitation === undefined ? {} : { inviteExpiresAt: invitation.expiresAt }),
      peers: this.peers().map((entry) => peerView(this.factsOf(entry), branches)),
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
    if (this.roster.get(identity.peer)?.role !== APPROVE_ROLE) {
      throw new PeerweaveError('bad-request', `Only ${this.nameOf(this.record.founder)} can invite to this session.`);
    }
    let invitation = this.invitation();
    if (invitation === undefined || invitation.expiresAt <= now()) {
      invitation = { secret: newSecret(), expiresAt: now() + settings.inviteHours * 3_600_000 };
      this.record.invite = {
        secret: Buffer.from(invitation.secret).toString('base64'),
        expiresAt: invitation.expiresAt,
      };
      await this.save();
    }
    const code = encodeInvite({
      session: this.record.session,
      secret: invitation.secret,
      host: identity.peer,
      hostName: this.record.name,
      repoName: this.record.repoName,
      addresses: this.listener?.addresses ?? [],
      expiresAt: invitation.expiresAt,
    });
    return { code, expiresAt: invitation.expiresAt };
  }

  /** Answers a guest that waits; `bad-request` when it waits no more. */
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
  }

  private async end(error: PeerweaveError): Promise<void> {
    this.ended = true;
    await this.mesh.close(error);
    this.resources.dispose();
    this.changes.fire();
  }

  // --- who is in ---------------------------------------------------------------------------------------------------------

  private peers(): RosterEntry[] {
    return this.roster.entries().filter((entry) => entry.peer !== this.parts.identity.peer);
  }

  private nameOf(peer: PeerId): string {
    return this.roster.get(peer)?.name ?? peer;
  }

  private invitation(): { readonly secret: Uint8Array; readonly expiresAt: number } | undefined {
    const { invite } = this.record;
    return invite === undefined
      ? undefined
      : { secret: new Uint8Array(Buffer.from(invite.secret, 'base64')), expiresAt: invite.expiresAt };
  }

  private async letIn(link: Link, params: JoinParams): Promise<Welcome> {
    await this.gatekeeper.admit(link, params);
    this.learnAddresses(link.peer, params.addresses);
    return {
      roster: this.roster.entries(),
      repo: { name: this.record.repoName, roots: this.record.roots, objectFormat: this.record.objectFormat },
      addresses: [...(this.listener?.addresses ?? [])],
    };
  }

  private admitGuest(link: Link, name: string): RosterEntry {
    const { identity, now } = this.parts;
    const entry = admit(identity, this.record.session, {
      peer: link.peer,
      publicKey: link.publicKey,
      name: this.uniqueName(name, link.peer),
      role: 'write',
      epoch: 1,
      addedAt: now(),
    });
    this.mergeRoster([entry]);
    return entry;
  }

  /** Two people called Alex must be told apart in every view and event. */
  private uniqueName(name: string, peer: PeerId): string {
    const taken = new Set(this.roster.entries().filter((entry) => entry.peer !== peer).map((entry) => entry.name));
    if (!taken.has(name)) return name;
    for (let n = 2; ; n++) {
      const suffix = ` ${n}`;
      const candidate = name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
      if (!taken.has(candidate)) return candidate;
    }
  }

  private mergeRoster(entries: readonly RosterEntry[]): void {
    const news = this.roster.merge(entries);
    if (news.length === 0) return;
    this.record.roster = this.roster.entries();
    void this.save();
    this.rosterChanges.fire();
    for (const link of this.mesh.links()) link.control.notify('roster', { entries: this.roster.entries() });
    this.mesh.connect();
    this.changed();
  }

  private awaitMember(peer: PeerId, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.roster.get(peer) !== undefined) return resolve();
      const subscription = this.rosterChanges.event(() => {
        if (this.roster.get(peer) === undefined) return;
        subscription.dispose();
        resolve();
      });
      signal.addEventListener('abort', () => {
        subscription.dispose();
        reject(signal.reason as Error);
      });
    });
  }

  // --- who is linked -----------------------------------------------------------------------------------------------------

  private joinParams(): JoinParams {
    return { session: this.record.session, name: this.record.name, addresses: [...(this.listener?.addresses ?? [])] };
  }

  private welcomed(link: Link, welcome: Welcome): void {
    this.learnAddresses(link.peer, welcome.addresses);
    this.mergeRoster(welcome.roster);
  }

  private learnAddresses(peer: PeerId, addresses: readonly TransportAddress[]): void {
    this.addressBook.set(peer, addresses);
    this.record.addresses[peer] = [...addresses];
  }

  private linkUp(link: Link): void {
    this.seen.add(link.peer);
    this.errors.delete(link.peer);
    const { control } = link;
    control.handleNotification('manifest', (manifest) => this.receiveManifest(link, manifest));
    control.handleNotification('roster', ({ entries }) => this.mergeRoster(entries));
    control.handleNotification('ack', ({ author, seq }) => {
      if (author !== this.parts.identity.peer) return;
      this.ledger.acknowledge(link.peer, seq);
      this.changed();
    });
    control.handleNotification('presence', ({ members }) => this.presence(link, members));
    control.handleNotification('bye', ({ reason }) => this.farewell(link, reason));
    link.onExec((command, stream) => {
      if (command !== UPLOAD_PACK_COMMAND) return false;
      this.repository.serve(stream).catch((error: unknown) => {
        this.parts.log.warn(`Serving ${this.nameOf(link.peer)}: ${asPeerweaveError(error).message}`);
      });
      return true;
    });
    this.sharePresence();
    void this.save();
    this.driver.handle({ type: 'peer-up', peer: link.peer });
    this.emitPeer(link.peer, 'online');
  }

  private linkDown(link: Link): void {
    this.driver.cancelFetch(link.peer);
    this.driver.handle({ type: 'peer-down', peer: link.peer });
    this.emitPeer(link.peer, 'offline');
  }

  private linkChanged(link: Link): void {
    if (link.state !== 'closed') this.emitPeer(link.peer, link.state === 'connected' ? 'online' : 'reconnecting');
  }

  private farewell(link: Link, reason: PeerweaveError['reason']): void {
    if (reason === 'peer-left') this.emitPeer(link.peer, 'left');
    void link.close(new PeerweaveError(reason, `${this.nameOf(link.peer)} left the session.`));
  }

  /** Tells everybody how to reach us and everybody else, so that a full mesh forms. */
  private sharePresence(): void {
    const links = this.mesh.links();
    const self = { peer: this.parts.identity.peer, addresses: [...(this.listener?.addresses ?? [])] };
    for (const link of links) {
      const others = links
        .filter((other) => other.peer !== link.peer)
        .map((other) => ({ peer: other.peer, addresses: [...(this.addressBook.get(other.peer) ?? [])] }));
      link.control.notify('roster', { entries: this.roster.entries() });
      link.control.notify('presence', { members: [self, ...others] });
    }
  }

  /** A peer knows best where it is itself; what it says of others counts only while they are not linked. */
  private presence(link: Link, members: readonly { peer: PeerId; addresses: TransportAddress[] }[]): void {
    for (const { peer, addresses } of members) {
      if (peer === this.parts.identity.peer) continue;
      if (peer !== link.peer) {
        if (this.mesh.link(peer) === undefined) this.learnAddresses(peer, addresses);
        continue;
      }
      const known = this.addressBook.get(peer);
      this.learnAddresses(peer, addresses);
      if (JSON.stringify(known) !== JSON.stringify(addresses)) this.sharePresence();
    }
    this.mesh.connect();
  }

  // --- what everybody has ------------------------------------------------------------------------------------------------

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
    try {
      const isNew = this.ledger.receive(manifest, this.roster.get(link.peer));
      if (isNew) this.record.manifests[manifest.author] = manifest;
      const { peer } = link;
      this.driver.handle({ type: 'manifest', peer, seq: manifest.seq, refs: refsOf(manifest) });
    } catch (error) {
      this.failed(link.peer, asPeerweaveError(error));
    }
  }

  private namespace(peer: PeerId): string {
    const known = this.record.namespaces[peer];
    if (known !== undefined) return known;
    const taken = new Set(Object.values(this.record.namespaces));
    const chosen = peerNamespace(this.nameOf(peer), peer, taken);
    this.record.namespaces[peer] = chosen;
    void this.save();
    return chosen;
  }

  private refsMoved(moves: readonly RefMove[], by: PeerId): void {
    const repo = this.repository.info.root;
    for (const { ref, from, to } of moves) {
      this.happenings.fire({ event: 'ref', repo, ref, from, to, by: this.nameOf(by) });
    }
  }

  private synced(peer: PeerId): void {
    this.lastSync.set(peer, this.parts.now());
    this.errors.delete(peer);
    this.happenings.fire({ event: 'synced', peer: this.nameOf(peer) });
  }

  private progressed(peer: PeerId, progress: TransferProgress | undefined): void {
    if (progress === undefined) this.transfers.delete(peer);
    else {
      const { task, done, total, bytesPerSecond } = progress;
      this.transfers.set(peer, { id: peer, task, done, total, bytesPerSecond });
      this.happenings.fire({ event: 'progress', task, done, total, bytesPerSecond });
    }
    this.changed();
  }

  /** Shows an error once per cause (ED3): the same reason again only updates the peer's row. */
  private failed(peer: PeerId, error: PeerweaveError): void {
    const repeated = this.errors.get(peer)?.reason === error.reason;
    this.errors.set(peer, error);
    this.parts.log.warn(`Sync with ${this.nameOf(peer)}: ${error.message}`);
    const passing = error.reason === 'cancelled' || error.reason === 'link-lost';
    if (!repeated && !passing) this.happenings.fire({ event: 'error', reason: error.reason, message: error.message });
    this.changed();
  }

  private factsOf(entry: RosterEntry): Parameters<typeof peerView>[0] {
    const { peer } = entry;
    const error = this.errors.get(peer);
    return {
      entry,
      link: this.mesh.link(peer),
      seen: this.seen.has(peer),
      head: headOf(this.ledger.of(peer)),
      inSync: this.core.peerState(peer)?.inSync === true && this.ledger.hasOurs(peer),
      lastSync: this.lastSync.get(peer),
      transfer: this.transfers.get(peer),
      error: error === undefined ? undefined : { reason: error.reason, message: error.message },
    };
  }

  // --- telling -----------------------------------------------------------------------------------------------------------

  private changed(): void {
    this.reportConflicts();
    this.changes.fire();
  }

  /** One event for one conflict; again only when its candidates change. */
  private reportConflicts(): void {
    const open = new Set<string>();
    for (const { branch, conflict } of this.core.branches()) {
      if (conflict === undefined) continue;
      open.add(branch);
      const candidates = conflict.map(({ tip, owners }) => ({
        oid: tip,
        owners: owners.map((owner) => this.nameOf(owner ?? this.parts.identity.peer)),
      }));
      const fingerprint = JSON.stringify(candidates);
      if (this.reportedConflicts.get(branch) === fingerprint) continue;
      this.reportedConflicts.set(branch, fingerprint);
      this.happenings.fire({ event: 'conflict', branch, candidates });
    }
    for (const branch of this.reportedConflicts.keys()) if (!open.has(branch)) this.reportedConflicts.delete(branch);
  }

  private approvalsChanged(): void {
    for (const { peer, name } of this.gatekeeper.approvals) {
      this.happenings.fire({ event: 'peer', peer: name, fingerprint: peer, state: 'waiting' });
    }
    this.changed();
  }

  private emitSession(): void {
    const { root } = this.repository.info;
    this.happenings.fire({ event: 'session', repo: root, fingerprint: this.parts.identity.peer, phase: this.phase });
    this.changed();
  }

  private emitPeer(peer: PeerId, state: 'online' | 'reconnecting' | 'offline' | 'left'): void {
    const link = this.mesh.link(peer);
    this.happenings.fire({
      event: 'peer',
      peer: this.nameOf(peer),
      fingerprint: peer,
      state,
      ...(link === undefined ? {} : { route: link.route }),
      ...(link?.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    });
    this.changed();
  }

  private save(): Promise<void> {
    this.record.sync = this.core.persisted();
    return this.parts.store.save(this.record).catch((error: unknown) => {
      this.parts.log.error(`Cannot save the session: ${asPeerweaveError(error).message}`);
    });
  }
}

/** `HOST:PORT` or empty; takes the remembered port again when it is free, because members know it. */
async function listen(host: LinkHost, setting: string, remembered: number): Promise<Listener> {
  const match = /^(.*):(\d+)$/.exec(setting);
  const chosen = match?.[1]?.replace(/^\[|\]$/g, '');
  const options = chosen === undefined || chosen === '' ? {} : { host: chosen };
  const port = match?.[2] === undefined ? 0 : Number(match[2]);
  if (port !== 0 || remembered === 0) return host.listen({ ...options, port });
  try {
    return await host.listen({ ...options, port: remembered });
  } catch {
    return host.listen({ ...options, port: 0 });
  }
}

const portOf = (addresses: readonly TransportAddress[]): number =>
  Number(/:(\d+)$/.exec(addresses[0]?.value ?? '')?.[1] ?? 0);

/** The name that guests see: the folder's. */
export const repositoryName = (root: string): string => (basename(root) || 'repository').slice(0, MAX_NAME_LENGTH);
