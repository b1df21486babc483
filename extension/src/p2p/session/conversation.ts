import { asPeerweaveError, type PeerweaveError } from '../../shared/errors.ts';
import type { BranchName, PeerId } from '../../shared/ids.ts';
import type { Manifest } from '../link/control-protocol.ts';
import type { Link } from '../link/link.ts';
import type { Refs } from '../sync/model.ts';
import type { TransportAddress } from '../transport/transport.ts';
import type { ManifestLedger } from './manifest-ledger.ts';
import type { People } from './people.ts';

/** A member that is busy with its disk may take this long to answer; `sync` does not wait for one that has stopped. */
const ANSWER_MS = 5_000;

/** What a conversation needs of the session around it. */
export interface ConversationParts {
  readonly self: PeerId;
  readonly people: Pick<People, 'members' | 'mesh' | 'addresses' | 'learnAddresses' | 'meeting' | 'learnMeeting'>;
  readonly ledger: ManifestLedger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Saves the ledger's tip, among others. */
  readonly save: () => Promise<void>;
  /** So many members are about to fetch. */
  readonly expectFetches: (members: number) => void;
  /** A verified manifest of a member, perhaps the one already known. */
  readonly received: (peer: PeerId, manifest: Manifest) => void;
  /** What a member said was not used, and why. */
  readonly refused: (peer: PeerId, error: PeerweaveError) => void;
  /** A member has everything of one of our manifests. */
  readonly acknowledged: () => void;
  /** Reads our refs again and announces what has changed; resolves when that is on its way. */
  readonly refresh: () => Promise<void>;
}

/** What linked members say to each other: who belongs to the session, where everybody is, what each has, what has arrived. */
export class Conversation {
  private readonly parts: ConversationParts;

  constructor(parts: ConversationParts) {
    this.parts = parts;
  }

  /** Sets the handlers of a link to a member. */
  listenTo(link: Link): void {
    const { control } = link;
    control.handleNotification('manifest', (manifest) => this.receiveManifest(link, manifest));
    control.handleNotification('roster', ({ entries }) => this.parts.people.members.merge(entries));
    control.handleNotification('ack', ({ author, seq }) => this.receiveAck(link, author, seq));
    control.handleNotification('presence', ({ members, meeting }) => {
      if (meeting !== undefined) this.parts.people.learnMeeting(link.peer, meeting);
      this.receivePresence(link, members);
    });
    // Whoever asks wants to hear our newest refs before the answer; messages keep their order.
    control.handleRequest('ping', async () => {
      await this.parts.refresh();
      return {};
    });
  }

  /** Tells everybody who belongs to the session. */
  shareRoster(): void {
    const entries = this.parts.people.members.all();
    for (const link of this.parts.people.mesh.links()) link.control.notify('roster', { entries });
  }

  /** Tells everybody how to reach us and everybody else, so that a full mesh forms. */
  sharePresence(): void {
    const { self, people } = this.parts;
    const { meeting } = people;
    const links = people.mesh.links();
    this.shareRoster();
    for (const link of links) {
      const others = links
        .filter((other) => other.peer !== link.peer)
        .map((other) => ({ peer: other.peer, addresses: [...people.members.addresses(other.peer)] }));
      link.control.notify('presence', {
        members: [{ peer: self, addresses: people.addresses() }, ...others],
        ...(meeting === undefined ? {} : { meeting }),
      });
    }
  }

  /** Signs a manifest and sends it to everybody. */
  async announce(refs: Refs, head: BranchName | undefined): Promise<void> {
    const { ledger } = this.parts;
    const before = ledger.own;
    const manifest = ledger.announce(refs, head, this.parts.now());
    // Saved before it is sent: after a crash the chain must go on from what others have seen, or it would look forked (SY1).
    const saved = this.parts.save();
    this.parts.expectFetches(this.lacking(manifest, before));
    await saved;
    for (const link of this.parts.people.mesh.links()) link.control.notify('manifest', manifest);
  }

  /** How many linked members are about to hear of something that neither they nor we had before. */
  private lacking(manifest: Manifest, before: Manifest | undefined): number {
    const known = oidsOf(before);
    const fresh = [...oidsOf(manifest)].filter((oid) => !known.has(oid));
    return this.parts.people.mesh.links().filter(({ peer }) => {
      const theirs = oidsOf(this.parts.ledger.of(peer));
      return fresh.some((oid) => !theirs.has(oid));
    }).length;
  }

  /** Sends our newest manifest to one member. */
  greet(peer: PeerId): void {
    const { own } = this.parts.ledger;
    if (own !== undefined) this.parts.people.mesh.link(peer)?.control.notify('manifest', own);
  }

  /** Resolves when every linked member that answers has told us of its newest refs. */
  async hearEverybody(): Promise<void> {
    const asked = this.parts.people.mesh
      .links()
      .filter(({ state }) => state === 'connected')
      .map((link) => link.control.request('ping', {}, { timeoutMs: ANSWER_MS }));
    await Promise.allSettled(asked);
  }

  receiveManifest({ peer }: Link, manifest: Manifest): void {
    try {
      this.parts.ledger.receive(manifest, this.parts.people.members.get(peer));
      this.parts.received(peer, manifest);
    } catch (error) {
      this.parts.refused(peer, asPeerweaveError(error));
    }
  }

  private receiveAck({ peer }: Link, author: PeerId, seq: number): void {
    if (author !== this.parts.self) return;
    this.parts.ledger.acknowledge(peer, seq);
    this.parts.acknowledged();
  }

  /** A peer knows best where it is itself; what it says of others counts only while they are not linked. */
  private receivePresence(link: Link, present: readonly { peer: PeerId; addresses: TransportAddress[] }[]): void {
    const { self, people } = this.parts;
    const { mesh } = people;
    let moved = false;
    for (const { peer, addresses } of present) {
      if (peer === link.peer) moved = people.learnAddresses(peer, addresses);
      else if (peer !== self && mesh.link(peer) === undefined && people.learnAddresses(peer, addresses)) {
        mesh.redial(peer);
      }
    }
    if (moved) this.sharePresence();
    mesh.connect();
  }
}

const oidsOf = (manifest: Manifest | undefined): ReadonlySet<string> => new Set(manifest?.refs.map(([, oid]) => oid));
