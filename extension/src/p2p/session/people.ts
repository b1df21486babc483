import type { Settings } from '../../rpc/contract.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Home } from '../home.ts';
import type { JoinParams, RosterEntry, Welcome } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { Link } from '../link/link.ts';
import type { TransportAddress } from '../transport/transport.ts';
import { Gatekeeper, type Approval, type Decision } from './gatekeeper.ts';
import { Invitation } from './invitation.ts';
import { meetingPlaceOf } from './meeting-place.ts';
import { Members } from './members.ts';
import { Mesh } from './mesh.ts';
import type { Network, Sighting } from './network.ts';
import type { SessionRecord } from './session-store.ts';

export interface PeopleParts {
  readonly identity: Identity;
  readonly home: Home;
  readonly network: Network;
  readonly settings: Settings;
  readonly record: SessionRecord;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How long a person has to answer for a guest; five minutes when absent (SE4). */
  readonly approvalTimeoutMs?: number | undefined;
  /** Saves the record. */
  readonly save: () => Promise<void>;
  /** Sets the handlers of a link to a member, before anything can arrive on it. */
  readonly prepare: (link: Link) => void;
}

/** The people's side of a session: who belongs to it and who asks to (members, gatekeeper, invitation), and who is linked (mesh). */
export class People implements Disposable {
  readonly members: Members;
  readonly mesh: Mesh;
  readonly invitation: Invitation;
  /** Who lets guests in; may change at any time. */
  approve: Settings['approve'];
  private readonly parts: PeopleParts;
  private readonly gatekeeper: Gatekeeper;
  private readonly resources = new DisposableStore();
  /** Members that said goodbye in this run: neither called nor shown until they come back by themselves. */
  private readonly left = new Set<PeerId>();
  private readonly approvalsChanges = new Emitter<readonly Approval[]>();
  /** Members that are in the room, as of the last look. */
  private inRoom: ReadonlySet<PeerId> = new Set();
  /** Others wait for an answer than before. */
  readonly onApprovals = this.approvalsChanges.event;

  constructor(parts: PeopleParts) {
    this.parts = parts;
    const { identity, record, settings, now, save } = parts;
    this.approve = settings.approve;
    this.members = new Members(identity, record);
    this.gatekeeper = this.createGatekeeper();
    this.invitation = new Invitation({
      self: identity.peer,
      record,
      members: this.members,
      hours: settings.inviteHours,
      now,
      addresses: () => this.addresses(),
      save,
    });
    this.mesh = this.resources.add(this.createMesh());
    this.resources.add(this.mesh.onUp(({ peer }) => this.left.delete(peer)));
    this.resources.add(
      this.mesh.onDown(({ link, error }) => {
        if (error.reason === 'peer-left') this.left.add(link.peer);
      }),
    );
    this.resources.add(parts.network.onSighting((sighting) => this.sighted(sighting)));
    this.resources.add(parts.network.onChange(() => this.lookAround()));
    this.resources.add(this.gatekeeper.onChange(() => this.approvalsChanges.fire(this.approvals)));
  }

  get approvals(): Approval[] {
    return this.gatekeeper.approvals;
  }

  /** Members that did not say goodbye. */
  present(): RosterEntry[] {
    return this.members.others().filter(({ peer }) => !this.hasLeft(peer));
  }

  hasLeft(peer: PeerId): boolean {
    return this.left.has(peer);
  }

  /** Where we listen. */
  addresses(): TransportAddress[] {
    return this.parts.network.addresses;
  }

  /** Throws `bad-request` for a setting that is no place to listen, and `unreachable` for one that cannot be had. */
  async listen(): Promise<void> {
    const { network, settings, record } = this.parts;
    await network.listen(settings.listen, record.port);
    record.port = network.port(record.port);
  }

  /** A member is, or is said to be, somewhere else than before: links look for it there when they drop, or for a better way. */
  learnAddresses(peer: PeerId, addresses: readonly TransportAddress[]): boolean {
    const moved = this.members.learnAddresses(peer, addresses);
    if (moved) this.mesh.link(peer)?.updateAddresses(this.parts.network.addressesOf(peer, addresses));
    return moved;
  }

  /** What the founder tells members of where to meet; undefined for others, and without a server. */
  get meeting(): SessionRecord['meeting'] {
    const { identity, record } = this.parts;
    return record.founder === identity.peer && meetingPlaceOf(record) !== undefined ? record.meeting : undefined;
  }

  /** The founder has set a server: it is used from the next start on. */
  learnMeeting(from: PeerId, meeting: NonNullable<SessionRecord['meeting']>): void {
    const { record, save } = this.parts;
    if (from !== record.founder || JSON.stringify(record.meeting) === JSON.stringify(meeting)) return;
    record.meeting = meeting;
    void save();
  }

  /** Answers a guest that waits; throws `bad-request` when it waits no more. */
  decide(id: string, decision: Decision): void {
    if (this.gatekeeper.decide(id, decision)) return;
    throw new PeerweaveError('bad-request', 'This request was answered already, or the guest gave up.');
  }

  /** Tells those that wait and those that are linked why this ends; resolves when they had a chance to hear it. */
  async close(error: PeerweaveError): Promise<void> {
    this.gatekeeper.close(error);
    await this.mesh.close(error);
  }

  dispose(): void {
    this.resources.dispose();
    this.parts.network.dispose();
  }

  private createGatekeeper(): Gatekeeper {
    const { identity, record, home, now, log, approvalTimeoutMs } = this.parts;
    return new Gatekeeper({
      self: identity.peer,
      hostName: record.name,
      session: record.session,
      log,
      invite: () => this.invitation.current,
      approve: () => this.approve,
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
    const { identity, record, log, network, prepare } = this.parts;
    return new Mesh({
      self: identity.peer,
      log: log.scope('link'),
      host: network.linkHost,
      members: () => this.present().map(({ peer }) => peer),
      addresses: (peer) => network.addressesOf(peer, this.members.addresses(peer)),
      prepare,
      admit: (link, params) => this.letIn(link, params),
      joinParams: () => ({ session: record.session, name: record.name, addresses: this.addresses() }),
      welcomed: (link, welcome) => {
        this.learnAddresses(link.peer, welcome.addresses);
        this.members.merge(welcome.roster);
      },
    });
  }

  private async letIn(link: Link, params: JoinParams): Promise<Welcome> {
    await this.gatekeeper.admit(link, params);
    this.learnAddresses(link.peer, params.addresses);
    const { repoName: name, roots, objectFormat } = this.parts.record;
    return {
      roster: this.members.all(),
      repo: { name, roots, objectFormat },
      addresses: this.addresses(),
    };
  }

  private sighted({ peer, addresses }: Sighting): void {
    if (this.learnAddresses(peer, addresses)) this.mesh.redial(peer);
    this.mesh.connect();
  }

  /** Calls members that have just come to the room, whenever they were to be called next. */
  private lookAround(): void {
    const { network } = this.parts;
    const present = new Set(this.present().flatMap(({ peer }) => (network.isPresent(peer) ? [peer] : [])));
    const came = [...present].filter((peer) => !this.inRoom.has(peer));
    this.inRoom = present;
    for (const peer of came) this.mesh.redial(peer);
    this.mesh.connect();
  }
}
