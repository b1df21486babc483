import type { RoomPeer, ServerMessage } from '../extension/src/p2p/signaling/wire/messages.ts';
import { RateLimit } from '../extension/src/shared/rate-limit.ts';
import type { Connection } from './connection.ts';
import type { Meeting } from './meeting.ts';

/** A peer of a room whose connection is at this node. */
export interface Member extends RoomPeer {
  readonly connection: Connection;
  /** How many meetings that it asked for are under way. */
  meetings: number;
}

/** A peer of a room whose connection is at another node. */
export interface RemoteMember extends RoomPeer {
  readonly node: string;
}

export interface RoomRates {
  readonly bytesPerSecond: number;
  readonly bytesPerSecondPerPeer: number;
  readonly now: () => number;
}

/** Who is in it, here and at other nodes, and what it may still have relayed. */
export class Room {
  readonly id: string;
  readonly members = new Map<string, Member>();
  /** Those that are under way at this node. */
  readonly meetings = new Set<Meeting>();
  lastActive: number;
  private readonly rates: RoomRates;
  private readonly budget: RateLimit;
  private readonly budgets = new Map<string, { readonly bucket: RateLimit; users: number }>();
  private readonly remote = new Map<string, ReadonlyMap<string, RemoteMember>>();

  constructor(id: string, rates: RoomRates) {
    this.id = id;
    this.rates = rates;
    this.lastActive = rates.now();
    this.budget = new RateLimit(rates.bytesPerSecond, rates.bytesPerSecond, rates.now);
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.meetings.size === 0;
  }

  get size(): number {
    return this.members.size + this.remoteMembers().length;
  }

  /** Everybody, as clients are told. */
  peers(): RoomPeer[] {
    return [...this.members.values(), ...this.remoteMembers()].map(({ peer, tag }) => ({ peer, tag }));
  }

  find(peer: string): Member | RemoteMember | undefined {
    return this.members.get(peer) ?? this.remoteMembers().find((member) => member.peer === peer);
  }

  touch(): void {
    this.lastActive = this.rates.now();
  }

  broadcast(message: ServerMessage, except?: Member): void {
    const text = JSON.stringify(message);
    for (const member of this.members.values()) if (member !== except) member.connection.sendText(text);
  }

  /** Takes over who is at another node now, and tells the members here what is new. */
  setRemote(node: string, peers: readonly RoomPeer[]): void {
    const before = this.remote.get(node) ?? new Map<string, RemoteMember>();
    // Nobody can take the id of somebody here by announcing it elsewhere.
    const after = new Map(
      peers.filter(({ peer }) => !this.members.has(peer)).map(({ peer, tag }) => [peer, { peer, tag, node }]),
    );
    if (after.size > 0) this.remote.set(node, after);
    else this.remote.delete(node);
    for (const { peer } of before.values()) if (!after.has(peer)) this.broadcast({ type: 'peer-left', peer });
    for (const { peer, tag } of after.values()) {
      if (!before.has(peer)) this.broadcast({ type: 'peer-joined', peer, tag });
    }
  }

  /** Charges relayed bytes to the room and to the peer; returns the milliseconds for which the sender is not to be read. */
  charge(peer: string, bytes: number): number {
    this.touch();
    return Math.max(this.budget.spend(bytes), this.budgets.get(peer)?.bucket.spend(bytes) ?? 0);
  }

  /** A peer's budget lasts from its first meeting to the end of its last. */
  keepBudget(peer: string): void {
    const { bytesPerSecondPerPeer: rate, now } = this.rates;
    const budget = this.budgets.get(peer) ?? { bucket: new RateLimit(rate, rate, now), users: 0 };
    budget.users++;
    this.budgets.set(peer, budget);
  }

  dropBudget(peer: string): void {
    const budget = this.budgets.get(peer);
    if (budget !== undefined && --budget.users === 0) this.budgets.delete(peer);
  }

  private remoteMembers(): RemoteMember[] {
    return [...this.remote.values()].flatMap((members) => [...members.values()]);
  }
}
