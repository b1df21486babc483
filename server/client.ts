import { timingSafeEqual, createHash } from 'node:crypto';
import {
  clientMessage,
  SIGNALING_PROTOCOL,
  type ClientMessage,
  type IceServer,
} from '../extension/src/p2p/signaling/wire/messages.ts';
import { parseRelayFrame } from '../extension/src/p2p/signaling/wire/relay-frame.ts';
import type { Logger } from '../extension/src/shared/log.ts';
import type { RateLimit } from '../extension/src/shared/rate-limit.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import type { Meetings } from './meetings.ts';
import type { Metrics, RelayTier } from './metrics.ts';
import { Refusal } from './refusal.ts';
import type { Member, Room } from './room.ts';
import type { Rooms } from './rooms.ts';

/** What all clients of a node share. */
export interface Hub {
  readonly rooms: Rooms;
  readonly meetings: Meetings;
  readonly metrics: Metrics;
  /** What clients must show, if anything. */
  readonly token: string | undefined;
  /** Where the other peer of a meeting reaches this node, when it is at another. */
  readonly advertise: () => string;
  readonly iceServers: () => { readonly ice: IceServer[]; readonly iceSeconds: number };
  readonly isStopping: () => boolean;
  readonly log: Logger;
}

/** What one client may still do. */
export interface ClientRates {
  /** Shared by all of its address. */
  readonly joins: RateLimit;
  readonly messages: RateLimit;
}

type Handlers = { [T in ClientMessage['type']]: (message: Extract<ClientMessage, { type: T }>, raw: Buffer) => void };

/** What is said with one client: decides about each message, and answers. */
export class Client implements ConnectionHandler {
  private readonly connection: Connection;
  private readonly hub: Hub;
  private readonly rates: ClientRates;
  private readonly onClosed: () => void;
  private membership: { readonly room: Room; readonly member: Member } | undefined;
  private admitted = false;

  constructor(connection: Connection, hub: Hub, rates: ClientRates, onClosed: () => void) {
    this.connection = connection;
    this.hub = hub;
    this.rates = rates;
    this.onClosed = onClosed;
  }

  text(raw: Buffer): void {
    this.answer(() => {
      const message = decode(raw);
      if (message.type !== 'data') this.spend();
      if (!this.admitted && message.type !== 'join' && message.type !== 'attach') throw notJoined();
      this.membership?.room.touch();
      // The table's type says that each handler takes its own kind; the compiler cannot follow that through the lookup.
      (this.handlers[message.type] as (message: ClientMessage, raw: Buffer) => void)(message, raw);
    });
  }

  frame(raw: Buffer): void {
    this.answer(() => {
      if (!this.admitted) throw notJoined();
      const frame = parseRelayFrame(raw);
      if (frame !== undefined) return this.relay(frame.session, frame.peer, raw, 'relay');
      this.spend();
      throw new Refusal('bad-message', 'That binary message is no relay frame.');
    });
  }

  closed(): void {
    this.hub.meetings.leave(this.connection);
    if (this.membership !== undefined) this.hub.rooms.leave(this.membership.room, this.membership.member);
    this.onClosed();
  }

  isUsed(): boolean {
    return this.membership !== undefined || this.hub.meetings.isAttended(this.connection);
  }

  private readonly handlers: Handlers = {
    join: ({ version, token, room, peer, tag }) => {
      if (this.admitted) throw new Refusal('bad-message', 'This connection has joined before.', { fatal: true });
      this.checkStranger(version, token);
      const others = this.hub.rooms.peers(room);
      this.membership = this.hub.rooms.join(room, { peer, tag }, this.connection);
      this.admit();
      this.connection.send({ type: 'joined', peers: others, ...this.hub.iceServers() });
    },

    attach: ({ version, token, ticket }) => {
      if (!this.admitted) this.checkStranger(version, token);
      this.hub.meetings.attach(ticket, this.connection, { fatal: !this.admitted });
      this.admit();
    },

    signal: ({ to, body }) => {
      const { room, member } = this.joined();
      const other = room.find(to);
      if (other === undefined) throw unknownPeer();
      if ('connection' in other) return other.connection.send({ type: 'signal', from: member.peer, body });
      const sent = { kind: 'signal', room: room.id, to, from: member.peer, body } as const;
      if (!this.hub.rooms.bus.tell(other.node, sent)) throw unknownPeer();
    },

    meet: ({ to, request }) => {
      const { room, member } = this.joined();
      const other = room.find(to);
      if (other === undefined || other === member) throw unknownPeer(request);
      const { session, seats } = this.hub.meetings.open(room, member, to, request);
      const [mine, theirs] = seats;
      const invitation = { with: member.peer, session, ticket: theirs.ticket };
      if ('connection' in other) other.connection.send({ type: 'meeting', ...invitation });
      else {
        const sent = { kind: 'meeting', room: room.id, to, ...invitation, url: this.hub.advertise() } as const;
        if (!this.hub.rooms.bus.tell(other.node, sent)) throw unknownPeer(request);
      }
      this.connection.send({ type: 'meeting', with: to, session, ticket: mine.ticket, request });
    },

    detach: ({ session }) => this.hub.meetings.detach(this.connection, session),
    ice: () => {
      this.joined();
      this.connection.send({ type: 'ice', ...this.hub.iceServers() });
    },
    data: ({ session, peer }, raw) => this.relay(session, peer, raw, 'json'),
  };

  /** Runs what a message asks for, and says so when it is refused. */
  private answer(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Refusal)) return this.giveUp(error);
      const { reason, message, fatal, about } = error;
      if (fatal) return this.connection.fail(reason, message);
      this.hub.metrics.dropped(reason);
      this.connection.send({ type: 'error', reason, message, fatal, ...about });
    }
  }

  /** Passes on what is relayed. It is paid for in bytes; what cannot be passed on is answered, and so it is paid for as a message. */
  private relay(session: string, peer: string, raw: Buffer, tier: RelayTier): void {
    try {
      this.hub.meetings.relay(this.connection, session, peer, raw, tier);
    } catch (error) {
      this.spend();
      throw error;
    }
  }

  /** A mistake of ours costs this connection, and nobody else anything. */
  private giveUp(error: unknown): void {
    this.hub.metrics.dropped('internal');
    this.hub.log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    this.connection.terminate();
  }

  /** What has to be right about a connection's first message, whatever it asks for. */
  private checkStranger(version: number, token: string | undefined): void {
    const fatal = true;
    if (version !== SIGNALING_PROTOCOL) {
      const versions = `This server speaks version ${SIGNALING_PROTOCOL} of the protocol, the client ${version}.`;
      throw new Refusal('version', `${versions} Update the older one.`, { fatal });
    }
    if (this.hub.isStopping()) {
      throw new Refusal('going-away', 'This server is about to stop. Try again in a moment.', { fatal });
    }
    if (!this.rates.joins.take()) {
      throw new Refusal('rate-limited', 'Too many joins from this address. Try again in a moment.', { fatal });
    }
    if (this.hub.token !== undefined && (token === undefined || !isSame(token, this.hub.token))) {
      throw new Refusal('unauthorised', 'This server wants a token. Ask whoever runs it.', { fatal });
    }
  }

  private admit(): void {
    this.admitted = true;
    this.connection.admit();
  }

  private joined(): { readonly room: Room; readonly member: Member } {
    if (this.membership === undefined) throw notJoined();
    return this.membership;
  }

  /** For one message. Throws `Refusal` with `rate-limited`. */
  private spend(): void {
    if (this.rates.messages.take()) return;
    throw new Refusal('rate-limited', 'Too many messages. Connect again and send fewer.', { fatal: true });
  }
}

/** Throws `Refusal` with `bad-message`. */
function decode(raw: Buffer): ClientMessage {
  try {
    return clientMessage.parse(JSON.parse(raw.toString()));
  } catch {
    throw new Refusal('bad-message', 'That is no message of this protocol.', { fatal: true });
  }
}

const notJoined = (): Refusal =>
  new Refusal('not-joined', 'First join a room or attach to a meeting.', { fatal: true });

const unknownPeer = (request?: number): Refusal =>
  new Refusal('peer-unknown', 'Nobody of that id is in the room.', request === undefined ? {} : { request });

/** Compares in a time that tells nothing about either. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
