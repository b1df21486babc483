import type { Settings } from '../../rpc/contract.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Home } from '../home.ts';
import { MAX_ADDRESSES, type JoinParams, type RosterEntry, type Welcome } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { LinkHost } from '../link/link-host.ts';
import type { Link } from '../link/link.ts';
import type { Listener, TransportAddress } from '../transport/transport.ts';
import { Gatekeeper, type Approval, type Decision } from './gatekeeper.ts';
import { Invitation } from './invitation.ts';
import { listenForMembers, portOf } from './listening.ts';
import { Members } from './members.ts';
import { Mesh } from './mesh.ts';
import type { SessionRecord } from './session-store.ts';

export interface PeopleParts {
  readonly identity: Identity;
  readonly home: Home;
  readonly linkHost: LinkHost;
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
  private readonly parts: PeopleParts;
  private readonly gatekeeper: Gatekeeper;
  private readonly resources = new DisposableStore();
  /** Members that said goodbye in this run: neither called nor shown until they come back by themselves. */
  private readonly left = new Set<PeerId>();
  private readonly approvalsChanges = new Emitter<readonly Approval[]>();
  private listener: Listener | undefined;
  /** Others wait for an answer than before. */
  readonly onApprovals = this.approvalsChanges.event;

  constructor(parts: PeopleParts) {
    this.parts = parts;
    const { identity, record, settings, now, save } = parts;
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

  /** Where we listen. A machine full of virtual networks has more than others take; the loopback comes last. */
  addresses(): TransportAddress[] {
    return (this.listener?.addresses ?? []).slice(0, MAX_ADDRESSES);
  }

  /** Throws `bad-request` for a setting that is no place to listen, and `unreachable` for one that cannot be had. */
  async listen(): Promise<void> {
    const { linkHost, settings, record } = this.parts;
    this.listener = this.resources.add(await listenForMembers(linkHost, settings.listen, record.port));
    record.port = portOf(this.listener.addresses);
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
    this.parts.linkHost.dispose();
  }

  private createGatekeeper(): Gatekeeper {
    const { identity, record, settings, home, now, log, approvalTimeoutMs } = this.parts;
    return new Gatekeeper({
      self: identity.peer,
      hostName: record.name,
      session: record.session,
      log,
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
    const { identity, record, log, linkHost, prepare } = this.parts;
    return new Mesh({
      self: identity.peer,
      log: log.scope('link'),
      host: linkHost,
      members: () => this.present().map(({ peer }) => peer),
      addresses: (peer) => this.members.addresses(peer),
      prepare,
      admit: (link, params) => this.letIn(link, params),
      joinParams: () => ({ session: record.session, name: record.name, addresses: this.addresses() }),
      welcomed: (link, welcome) => {
        this.members.learnAddresses(link.peer, welcome.addresses);
        this.members.merge(welcome.roster);
      },
    });
  }

  private async letIn(link: Link, params: JoinParams): Promise<Welcome> {
    await this.gatekeeper.admit(link, params);
    this.members.learnAddresses(link.peer, params.addresses);
    const { repoName: name, roots, objectFormat } = this.parts.record;
    return { roster: this.members.all(), repo: { name, roots, objectFormat }, addresses: this.addresses() };
  }
}
