import type { Connection } from './connection.ts';
import { Meeting, type Seat } from './meeting.ts';
import type { Metrics, RelayTier } from './metrics.ts';
import type { Sender } from './outbound.ts';
import type { ServerLimits } from './options.ts';
import { Refusal } from './refusal.ts';
import type { Member, Room } from './room.ts';

/** A frame costs the server time whatever its size, so that each counts as this many bytes at least. */
const LEAST_CHARGE = 1_024;

export interface MeetingsContext {
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  /** Called after each meeting's end. */
  readonly onEnd: (room: Room) => void;
}

/** Every meeting at this node. A ticket is good for one attach and for a short time; nothing is kept for an end that is not there. */
export class Meetings {
  private readonly context: MeetingsContext;
  private readonly tickets = new Map<string, Seat>();
  /** By connection, then by session. */
  private readonly seats = new Map<Connection, Map<string, Seat>>();

  constructor(context: MeetingsContext) {
    this.context = context;
  }

  /** Throws `Refusal` with `rate-limited` when the asker has too many. */
  open(room: Room, asker: Member, asked: string, request: number): Meeting {
    const { meetingsPerPeer, ticketMs } = this.context.limits;
    if (asker.meetings >= meetingsPerPeer) {
      throw new Refusal('rate-limited', 'Too many meetings at once. End some first.', { request });
    }
    const meeting = new Meeting(room, asker, asked);
    meeting.expiry = setTimeout(() => this.end(meeting), ticketMs);
    asker.meetings++;
    room.meetings.add(meeting);
    for (const seat of meeting.seats) {
      this.tickets.set(seat.ticket, seat);
      room.keepBudget(seat.peer);
    }
    return meeting;
  }

  /** Throws `Refusal` with `ticket-unknown`; fatal for a connection that has nothing else to stay for. */
  attach(ticket: string, connection: Connection, { fatal }: { fatal: boolean }): void {
    const seat = this.tickets.get(ticket);
    if (seat === undefined) {
      throw new Refusal('ticket-unknown', 'That meeting is over, or was never here. Ask for another.', { fatal });
    }
    this.tickets.delete(ticket);
    seat.connection = connection;
    const { session, expiry } = seat.meeting;
    const seats = this.seats.get(connection) ?? new Map<string, Seat>();
    this.seats.set(connection, seats.set(session, seat));
    const other = seat.other.connection;
    const ready = other !== undefined;
    connection.send({ type: 'attached', session, ready });
    if (!ready) return;
    clearTimeout(expiry);
    other.send({ type: 'attached', session, ready });
  }

  /** Passes a message of `peer` on, unchanged. Throws `Refusal` with `session-unknown` when it is not this connection's to send. */
  relay(connection: Connection, session: string, peer: string, message: Buffer, tier: RelayTier): void {
    const seat = this.seats.get(connection)?.get(session);
    const other = seat?.other.connection;
    if (seat?.peer !== peer || other === undefined) throw unknownSession(session);
    seat.sender ??= senderOf(connection, session);
    other.forward(message, tier === 'relay', seat.sender);
    const { tiers, room } = seat.meeting;
    this.context.metrics.relayed(tier, message.length);
    if (!tiers.has(tier)) {
      tiers.add(tier);
      this.context.metrics.sessionBegan(tier);
    }
    connection.inbound.holdFor(room.charge(peer, Math.max(message.length, LEAST_CHARGE)));
  }

  /** Throws `Refusal` with `session-unknown`. */
  detach(connection: Connection, session: string): void {
    const seat = this.seats.get(connection)?.get(session);
    if (seat === undefined) throw unknownSession(session);
    this.end(seat.meeting, connection);
  }

  /** Whether a connection is attached to any. */
  isAttended(connection: Connection): boolean {
    return this.seats.has(connection);
  }

  /** Ends all of a room. */
  close(room: Room): void {
    for (const meeting of room.meetings) this.end(meeting);
  }

  /** Ends all that a connection is attached to: it is gone. */
  leave(connection: Connection): void {
    for (const { meeting } of this.seats.get(connection)?.values() ?? []) this.end(meeting, connection);
  }

  private end(meeting: Meeting, by?: Connection): void {
    const { session, room, asker, seats, tiers, expiry } = meeting;
    clearTimeout(expiry);
    for (const tier of tiers) this.context.metrics.sessionEnded(tier);
    for (const { ticket, connection, peer } of seats) {
      this.tickets.delete(ticket);
      room.dropBudget(peer);
      if (connection === undefined) continue;
      this.unseat(connection, session);
      if (connection !== by) connection.send({ type: 'detached', session });
    }
    asker.meetings--;
    room.meetings.delete(meeting);
    this.context.onEnd(room);
  }

  private unseat(connection: Connection, session: string): void {
    const seats = this.seats.get(connection);
    seats?.delete(session);
    if (seats?.size === 0) this.seats.delete(connection);
  }
}

const unknownSession = (session: string): Refusal =>
  new Refusal('session-unknown', 'No such meeting of yours is under way.', { session });

const senderOf = (connection: Connection, session: string): Sender => ({
  inbound: connection.inbound,
  pause: () => connection.send({ type: 'pause', session }),
  resume: () => connection.send({ type: 'resume', session }),
});
