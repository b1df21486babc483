import type { EngineEvent, Settings } from '../../rpc/contract.ts';
import type { SessionView } from '../../rpc/model.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { DisposableStore, disposable, type Disposable } from '../../shared/disposable.ts';
import type { BranchName, PeerId } from '../../shared/ids.ts';
import type { Manifest } from '../link/control-protocol.ts';
import type { Link } from '../link/link.ts';
import type { Repository } from '../repo/repository.ts';
import { decodePersistedSync } from '../sync/persisted.ts';
import { SyncCore } from '../sync/sync-core.ts';
import { Activity } from './activity.ts';
import { Conversation } from './conversation.ts';
import { createDesks, type Desks } from './desks.ts';
import type { Decision } from './gatekeeper.ts';
import { ManifestLedger, refsOf } from './manifest-ledger.ts';
import { repoIdentity } from './manifest.ts';
import { peerFacts } from './peer-facts.ts';
import { People, type PeopleParts } from './people.ts';
import { serveFetches } from './serving.ts';
import { SessionSaver } from './session-saver.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';
import { StrategyBook } from './strategy-book.ts';
import { liveView, type SessionPhase } from './session-view.ts';
import { SyncDriver } from './sync-driver.ts';

/** Everything a session is made of; the composition root hands it in. */
export interface SessionParts extends Omit<PeopleParts, 'save' | 'prepare'> {
  readonly repository: Repository;
  readonly store: SessionStore;
}

/** What is under way when a session ends, such as a move of a branch, gets this long to come to its end. */
const END_PATIENCE_MS = 5_000;

/**
 * A live session on one repository: its people (who belongs to it, who is linked), what everybody has (ledger, sync driver), and what of
 * that survives a restart (store). Starts in `start`, ends in `leave` or `suspend`.
 */
export class Session implements Disposable {
  readonly repository: Repository;
  private readonly parts: SessionParts;
  private readonly record: SessionRecord;
  private readonly people: People;
  private readonly activity: Activity;
  private readonly ledger: ManifestLedger;
  private readonly core: SyncCore;
  private readonly driver: SyncDriver;
  private readonly conversation: Conversation;
  private readonly ending = new AbortController();
  private readonly resources = new DisposableStore();
  private readonly saver: SessionSaver;
  private readonly strategies: StrategyBook;
  /** Where people settle what diverged, and take back what was moved. */
  readonly desks: Desks;

  private readonly nameOf = (peer: PeerId): string => this.people.members.nameOf(peer);
  private readonly changes = new Emitter<void>();
  /** The view changed. */
  readonly onChange = this.changes.event;
  readonly onEvent: Event<EngineEvent>;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.record = parts.record;
    this.repository = parts.repository;
    const { identity, record, log, settings } = parts;
    this.resources.add(disposable(() => this.ending.abort()));
    this.people = this.resources.add(
      new People({ ...parts, save: () => this.save(), prepare: (link) => this.prepareLink(link) }),
    );
    this.activity = new Activity(log, this.nameOf);
    this.onEvent = this.activity.onEvent;
    this.saver = new SessionSaver(parts.store, log, (event) => this.activity.tell(event));
    this.strategies = new StrategyBook(record, settings.strategy);
    const binding = { session: record.session, repo: repoIdentity(record.roots), epoch: 1 };
    const manifests = Object.values(record.manifests);
    this.ledger = new ManifestLedger(identity, binding, { tip: record.tip, manifests });
    const restored = decodePersistedSync(record.sync);
    this.core = new SyncCore({
      autoSync: settings.autoSync,
      strategies: this.strategies.current,
      jitter: () => Math.random(),
      ...(restored === undefined ? {} : { restored }),
    });
    this.conversation = this.createConversation();
    this.driver = this.resources.add(this.createDriver());
    this.desks = this.createDesks();
    this.resources.add(this.desks.conflicts);
    this.listenToPeople();
  }

  /**
   * Listens, reads the repository and begins to link. `first` is a guest's link to the host, already through `join`. Throws
   * `bad-request` or `unreachable` when it cannot listen, `cancelled` when the session was ended meanwhile.
   */
  async start(first?: { readonly link: Link; readonly manifest: () => Manifest }): Promise<void> {
    await this.people.listen();
    await this.driver.start();
    this.desks.conflicts.start();
    await this.save();
    if (this.phase === 'ended') throw new PeerweaveError('cancelled', 'The session was left while it began.');
    const fingerprint = this.parts.identity.peer;
    this.activity.tell({ event: 'session', repo: this.repository.info.root, fingerprint, phase: this.phase });
    if (first !== undefined) {
      const adopted = this.people.mesh.adopt(first.link);
      this.conversation.receiveManifest(first.link, first.manifest());
      await adopted;
    }
    this.people.mesh.connect();
    if (this.people.invitation.current !== undefined) this.repository.expectClones();
    this.changed();
  }

  view(): SessionView {
    const { people, ledger, core, activity } = this;
    const witnesses = { people, ledger, core, activity };
    return liveView({
      root: this.repository.info.root,
      record: this.record,
      phase: this.phase,
      self: people.members.self,
      refs: this.driver.current,
      inviteExpiresAt: people.invitation.current?.expiresAt,
      peers: people.present().map((entry) => peerFacts(entry, witnesses)),
      approvals: people.approvals,
      branches: core.branches(),
      strategies: this.strategies.current,
      resolving: this.desks.conflicts.resolving,
      room: this.parts.network.status,
      nameOf: this.nameOf,
    });
  }

  get phase(): SessionPhase {
    return this.ending.signal.aborted ? 'ended' : 'live';
  }

  /** The plain invite code. Throws `bad-request` for members that cannot invite. */
  invite(): Promise<{ readonly code: string; readonly expiresAt: number }> {
    return this.people.invitation.code();
  }

  /** Answers a guest that waits; throws `bad-request` when it waits no more. */
  decide(id: string, decision: Decision): void {
    this.people.decide(id, decision);
  }

  /**
   * Announces what is here, hears from everybody who is linked, fetches and plans, at once; resolves when nothing of that is
   * outstanding. Members that are not linked are dialed, and not waited for.
   */
  async sync(): Promise<void> {
    this.people.mesh.redialAll();
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

  /** Changed settings; what is not of the network acts at once. */
  applySettings(settings: Settings): void {
    this.people.approve = settings.approve;
    this.driver.handle({ type: 'auto-sync', enabled: settings.autoSync });
    this.desks.conflicts.applySettings(settings);
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
  }

  private async end(error: PeerweaveError): Promise<void> {
    this.ending.abort();
    await Promise.all([this.driver.stop(END_PATIENCE_MS), this.people.close(error)]);
    this.dispose();
    this.changes.fire();
  }

  private listenToPeople(): void {
    const { members, mesh, onApprovals } = this.people;
    const { network } = this.parts;
    this.resources.add(network.onMoved(() => this.conversation.sharePresence()));
    this.resources.add(network.onChange(() => this.changed()));
    this.resources.add(members.onChange(() => this.membersChanged()));
    this.resources.add(mesh.onUp((link) => this.linkUp(link)));
    this.resources.add(mesh.onDown(({ link }) => this.linkDown(link)));
    this.resources.add(mesh.onChange((link) => this.linkChanged(link)));
    this.resources.add(
      onApprovals((approvals) => {
        this.activity.waiting(approvals);
        this.changed();
      }),
    );
  }

  private createConversation(): Conversation {
    return new Conversation({
      self: this.parts.identity.peer,
      people: this.people,
      ledger: this.ledger,
      now: this.parts.now,
      save: () => this.save(),
      expectFetches: (members) => void this.repository.expectFetches(members),
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
      link: (peer) => this.people.mesh.link(peer),
      namespace: (peer) => this.people.members.namespace(peer),
      nameOf: this.nameOf,
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

  private createDesks(): Desks {
    const { settings, record, log, now } = this.parts;
    const { repository, core, driver, strategies, people, activity } = this;
    return createDesks({
      ...{ settings, record, log, now, repository, core, driver, strategies, people, activity },
      changed: () => this.changed(),
      save: () => this.save(),
    });
  }

  private membersChanged(): void {
    void this.save();
    this.conversation.shareRoster();
    this.people.mesh.connect();
    this.changed();
  }

  private prepareLink(link: Link): void {
    this.conversation.listenTo(link);
    this.desks.conflicts.listenTo(link);
    const { repository, parts, ending } = this;
    const { log } = parts;
    serveFetches(link, { repository, signal: ending.signal, log, nameOf: this.nameOf });
  }

  private linkUp(link: Link): void {
    const { peer } = link;
    this.conversation.sharePresence();
    this.desks.conflicts.greet(link);
    void this.save();
    this.activity.peer(peer, 'online', link);
    this.driver.handle({ type: 'peer-up', peer });
  }

  private linkDown({ peer }: Link): void {
    const left = this.people.hasLeft(peer);
    this.driver.cancelFetch(peer);
    this.desks.conflicts.linkDown(peer);
    this.driver.handle({ type: left ? 'peer-gone' : 'peer-down', peer });
    this.activity.peer(peer, left ? 'left' : 'offline', undefined);
    this.people.mesh.connect();
  }

  private linkChanged(link: Link): void {
    if (link.state === 'closed') return;
    this.activity.peer(link.peer, link.state === 'connected' ? 'online' : 'reconnecting', link);
    this.changed();
  }

  private changed(): void {
    this.activity.conflicts(this.core.branches(), this.parts.identity.peer);
    this.desks.conflicts.stateChanged();
    this.changes.fire();
  }

  private save(): Promise<void> {
    return this.saver.save(() => ({
      ...this.record,
      ...this.strategies.chosen,
      tip: this.ledger.tip,
      sync: this.core.persisted(),
    }));
  }
}
