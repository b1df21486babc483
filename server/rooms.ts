import type { RoomPeer } from '../extension/src/p2p/signaling/wire/messages.ts';
import type { NodeMessage } from './bus-messages.ts';
import { noBus, type Bus, type BusListener } from './bus.ts';
import type { Connection } from './connection.ts';
import type { ServerLimits } from './options.ts';
import { Refusal } from './refusal.ts';
import { Room, type Member, type RoomRates } from './room.ts';

/** How often rooms are looked at for being idle; more often when they may be idle for a short time only. */
const SWEEP_MS = 60_000;

/** All rooms that somebody at this node is in, or relays in. */
export class Rooms implements BusListener {
  /** Set by whoever made these, before the first join. */
  bus: Bus = noBus;
  private readonly rooms = new Map<string, Room>();
  private readonly limits: ServerLimits;
  private readonly rates: RoomRates;
  private readonly onIdle: (room: Room) => void;
  private readonly sweeping: NodeJS.Timeout;

  /** `onIdle` is for what a room has beside its members. */
  constructor(limits: ServerLimits, now: () => number, onIdle: (room: Room) => void) {
    this.limits = limits;
    this.onIdle = onIdle;
    this.rates = {
      bytesPerSecond: limits.relayBytesPerSecondPerRoom,
      bytesPerSecondPerPeer: limits.relayBytesPerSecondPerPeer,
      now,
    };
    this.sweeping = setInterval(() => this.sweep(), Math.min(SWEEP_MS, Math.ceil(limits.roomIdleMs / 2)));
  }

  get size(): number {
    return this.rooms.size;
  }

  /** Throws `Refusal` with `room-full` or `peer-taken`. */
  join(id: string, { peer, tag }: RoomPeer, connection: Connection): { room: Room; member: Member } {
    const room = this.rooms.get(id) ?? new Room(id, this.rates);
    if (room.find(peer) !== undefined) {
      throw new Refusal('peer-taken', 'Somebody of that id is in the room. Choose another id.', { fatal: true });
    }
    if (room.size >= this.limits.peersPerRoom) {
      const most = `${this.limits.peersPerRoom} connections`;
      throw new Refusal('room-full', `The room is full: it takes ${most}. Try again when somebody has left.`, {
        fatal: true,
      });
    }
    const member: Member = { peer, tag, connection, meetings: 0 };
    this.rooms.set(id, room);
    room.members.set(peer, member);
    room.touch();
    room.broadcast({ type: 'peer-joined', peer, tag }, member);
    this.bus.announce(id);
    return { room, member };
  }

  leave(room: Room, member: Member): void {
    if (!room.members.delete(member.peer)) return;
    room.broadcast({ type: 'peer-left', peer: member.peer });
    this.bus.announce(room.id);
    this.forget(room);
  }

  /** To be called when something that kept a room alive has ended. */
  forget(room: Room): void {
    if (room.isEmpty) this.rooms.delete(room.id);
  }

  /** Everybody in a room, here and elsewhere; nobody when there is none. */
  peers(id: string): RoomPeer[] {
    return this.rooms.get(id)?.peers() ?? [];
  }

  localRooms(): string[] {
    return [...this.rooms.values()].filter(({ members }) => members.size > 0).map(({ id }) => id);
  }

  localPeers(id: string): RoomPeer[] {
    return [...(this.rooms.get(id)?.members.values() ?? [])].map(({ peer, tag }) => ({ peer, tag }));
  }

  onPeers(id: string, node: string, peers: readonly RoomPeer[]): void {
    this.rooms.get(id)?.setRemote(node, peers);
  }

  onNodeGone(node: string): void {
    for (const room of this.rooms.values()) room.setRemote(node, []);
  }

  onMessage({ room: id, to, ...message }: NodeMessage): void {
    const room = this.rooms.get(id);
    const connection = room?.members.get(to)?.connection;
    room?.touch();
    if (message.kind === 'signal') connection?.send({ type: 'signal', from: message.from, body: message.body });
    else {
      const { session, ticket, url } = message;
      connection?.send({ type: 'meeting', with: message.with, session, ticket, url });
    }
  }

  close(): void {
    clearInterval(this.sweeping);
  }

  private sweep(): void {
    const idleSince = this.rates.now() - this.limits.roomIdleMs;
    for (const room of this.rooms.values()) {
      if (room.lastActive > idleSince) continue;
      this.onIdle(room);
      for (const { connection } of room.members.values()) {
        connection.fail('idle', 'Nobody in the room said anything for long. Connect again when there is something.');
      }
    }
  }
}
