import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import { deferred } from '../../shared/deferred-promise.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import type { Logger } from '../../shared/log.ts';
import type { Clock } from './clock.ts';
import { IceCache } from './ice-cache.ts';
import { MeetRequests } from './meet-requests.ts';
import { MemberMessages } from './member-messages.ts';
import { PacedQueue } from './paced-queue.ts';
import type { RoomKeys } from './room-keys.ts';
import { refusalError } from './server-refusal.ts';
import { ServerSocket } from './server-socket.ts';
import { displayUrl, meetingUrl } from './signaling-url.ts';
import type { OpenSocket } from './signaling-socket.ts';
import type { Meeting, SignalFrom, SignalMessage } from './signaling.ts';
import type { SignalingTimings } from './timings.ts';
import {
  ID_BYTES,
  MAX_PEERS_PER_ROOM,
  SIGNALING_PROTOCOL,
  type IceServer,
  type RoomPeer,
  type ServerMessage,
} from './wire/messages.ts';
import { encodeId } from './wire/relay-frame.ts';

/** Meetings and senders that one connection remembers; then it makes way for a new one, on which nothing old can be repeated. */
const MAX_REMEMBERED = 16_384;

export interface RoomConnectionParts {
  readonly url: URL;
  readonly keys: RoomKeys;
  /** Of this member in this room. */
  readonly tag: string;
  /** The operator's, where a server wants one. */
  readonly token: string | undefined;
  readonly open: OpenSocket;
  readonly clock: Clock;
  readonly timings: SignalingTimings;
  readonly log: Logger;
}

export const newConnectionId = (): string => encodeId(randomBytes(ID_BYTES));

/** One connection to one server, in the room: who else is there, and what they say. Its id is new and random. */
export class RoomConnection implements Disposable {
  readonly url: URL;
  /** For people. */
  readonly server: string;
  readonly self: RoomPeer;
  private readonly parts: RoomConnectionParts;
  private readonly socket: ServerSocket;
  private readonly queue: PacedQueue;
  private readonly messages: MemberMessages;
  private readonly meets: MeetRequests;
  private readonly ice: IceCache;
  private readonly members = new Map<string, RoomPeer>();
  private readonly sessions = new Set<string>();
  private readonly joinings: Emitter<void>;
  private readonly presence: Emitter<RoomPeer | undefined>;
  private readonly meetings: Emitter<Meeting>;
  private readonly departures: Emitter<number>;
  private isJoined = false;
  /** Somebody came, who is named, or left. */
  readonly onPeers: Event<RoomPeer | undefined>;
  /** Somebody else asked for a meeting. */
  readonly onMeeting: Event<Meeting>;
  /** The server stops; come back after that many milliseconds. */
  readonly onGoAway: Event<number>;
  readonly onMessage: Event<SignalFrom>;
  /** Once, when it was not us who closed it. */
  readonly onEnd: Event<PeerweaveError>;

  private constructor(web: WebSocket, parts: RoomConnectionParts) {
    const { url, keys, tag, clock, timings, log } = parts;
    this.parts = parts;
    this.url = url;
    this.server = displayUrl(url);
    this.self = { peer: newConnectionId(), tag };
    this.socket = new ServerSocket(web, { server: this.server, clock, timings, log });
    this.queue = new PacedQueue((message) => this.socket.send(message), clock);
    this.messages = new MemberMessages({ keys, self: this.self, clock, log });
    this.meets = new MeetRequests(clock, timings.requestMs);
    this.ice = new IceCache(clock, timings.requestMs, () => this.queue.push({ type: 'ice' }));
    const emitter = <T>(): Emitter<T> => new Emitter((error) => log.error(`signaling: ${String(error)}`));
    this.joinings = emitter();
    this.presence = emitter();
    this.meetings = emitter();
    this.departures = emitter();
    this.onPeers = this.presence.event;
    this.onMeeting = this.meetings.event;
    this.onGoAway = this.departures.event;
    this.onMessage = this.messages.onMessage;
    this.onEnd = this.socket.onEnd;
    this.socket.onMessage((message) => this.receive(message));
    this.socket.onEnd((error) => this.stop(error));
  }

  /**
   * Connects and joins. `onJoined` is called in the very turn in which the server lets us in: the next message, which may come in the
   * same packet, is of a member already. Throws `signaling-unreachable`, `signaling-refused`, `room-full` or `rate-limited` with what
   * to do about it, or `cancelled`; leaves no connection behind then.
   */
  static async join(
    parts: RoomConnectionParts,
    signal: AbortSignal,
    onJoined: (connection: RoomConnection) => void,
  ): Promise<RoomConnection> {
    const startedAt = parts.clock.now();
    const web = await parts.open(parts.url, { signal, timeoutMs: parts.timings.joinMs });
    const connection = new RoomConnection(web, parts);
    const leftMs = Math.max(0, startedAt + parts.timings.joinMs - parts.clock.now());
    await connection.enter(leftMs, signal, () => onJoined(connection));
    return connection;
  }

  /** Everybody else in the room, newest last. */
  get peers(): readonly RoomPeer[] {
    return [...this.members.values()];
  }

  /** False when that connection is not in the room, or what is to be said cannot be. */
  send(to: RoomPeer, message: SignalMessage): boolean {
    if (this.members.get(to.peer)?.tag !== to.tag) return false;
    const body = this.messages.seal(to, message);
    return body !== undefined && this.queue.push({ type: 'signal', to: to.peer, body });
  }

  meet(to: RoomPeer, signal: AbortSignal | undefined): Promise<Meeting> {
    return this.meets.ask(
      to.peer,
      (request) => {
        if (!this.members.has(to.peer)) this.meets.refuse(request, refusalError(this.server, 'peer-unknown'));
        else this.queue.push({ type: 'meet', to: to.peer, request });
      },
      signal,
    );
  }

  iceServers(): Promise<readonly IceServer[]> {
    return this.ice.get();
  }

  /** Ends soon when nobody answers at the other end any more. */
  probe(): void {
    this.socket.probe();
  }

  dispose(): void {
    this.socket.dispose();
    this.stop(new PeerweaveError('signaling-unreachable', `The connection to ${this.server} was closed.`));
  }

  private async enter(withinMs: number, signal: AbortSignal, onJoined: () => void): Promise<void> {
    const { keys, token, clock } = this.parts;
    const answer = deferred();
    const subscriptions = new DisposableStore();
    subscriptions.add(this.onEnd(answer.reject));
    subscriptions.add(
      this.joinings.event(() => {
        onJoined();
        answer.resolve();
      }),
    );
    subscriptions.add(clock.after(withinMs, () => this.socket.end(SPEECHLESS)));
    const onAbort = (): void => answer.reject(new PeerweaveError('cancelled', 'Joining the room was cancelled.'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const permission = token === undefined ? {} : { token };
      this.socket.send({ type: 'join', version: SIGNALING_PROTOCOL, room: keys.room, ...this.self, ...permission });
      await answer.promise;
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      subscriptions.dispose();
      signal.removeEventListener('abort', onAbort);
    }
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        return this.joined(message);
      case 'error':
        return this.refused(message);
      case 'go-away':
        return this.departures.fire(message.afterMs);
      case 'peer-joined':
        return this.arrived(message);
      case 'peer-left':
        return this.gone(message.peer);
      case 'signal':
        this.messages.receive(this.members.get(message.from), message.body);
        return this.renewWhenFull();
      case 'meeting':
        return this.met(message);
      case 'ice':
        return this.ice.take(message.ice, message.iceSeconds);
      case 'attached':
      case 'detached':
      case 'pause':
      case 'resume':
      case 'data':
        // Of meetings, which have connections of their own.
        return;
    }
  }

  private joined({ peers, ice, iceSeconds }: Extract<ServerMessage, { type: 'joined' }>): void {
    if (this.isJoined) return;
    this.isJoined = true;
    for (const { peer, tag } of peers) if (peer !== this.self.peer) this.members.set(peer, { peer, tag });
    this.ice.take(ice, iceSeconds);
    this.joinings.fire();
  }

  private refused({ reason, fatal, request }: Extract<ServerMessage, { type: 'error' }>): void {
    const error = refusalError(this.server, reason);
    if (fatal || !this.isJoined) this.socket.endWith(error);
    else if (request !== undefined) this.meets.refuse(request, error);
    else this.parts.log.debug(`signaling: ${this.server} refuses a message: ${reason}`);
  }

  private arrived({ peer, tag }: RoomPeer): void {
    if (!this.isJoined || peer === this.self.peer || this.members.get(peer)?.tag === tag) return;
    if (this.members.size >= MAX_PEERS_PER_ROOM) return;
    const arrived = { peer, tag };
    this.members.delete(peer);
    this.members.set(peer, arrived);
    this.presence.fire(arrived);
  }

  private gone(peer: string): void {
    if (!this.members.delete(peer)) return;
    this.messages.left(peer);
    this.presence.fire(undefined);
  }

  private met(message: Extract<ServerMessage, { type: 'meeting' }>): void {
    const { session, ticket, request } = message;
    const other = this.members.get(message.with);
    const url = message.url === undefined ? this.url : meetingUrl(message.url, this.url);
    // One name for two meetings would be one key for two.
    if (other === undefined || url === undefined || this.sessions.has(session)) {
      if (request !== undefined) this.meets.refuse(request, untrustworthy(this.server));
      return;
    }
    this.sessions.add(session);
    const meeting = { with: other, self: this.self.peer, session, ticket, url: url.href };
    if (request === undefined) this.meetings.fire(meeting);
    else this.meets.answer(request, meeting);
    this.renewWhenFull();
  }

  private renewWhenFull(): void {
    if (this.sessions.size < MAX_REMEMBERED && this.messages.senders < MAX_REMEMBERED) return;
    this.socket.end('has been in use for so long that the connection is made anew.');
  }

  private stop(error: PeerweaveError): void {
    this.queue.dispose();
    this.meets.refuseAll(error);
    this.ice.stop();
    this.members.clear();
  }
}

const SPEECHLESS = 'takes connections and then says nothing. Check the address, or use another server.';

const untrustworthy = (server: string): PeerweaveError =>
  new PeerweaveError('unreachable', `The signaling server ${server} arranges a meeting that cannot be trusted.`);
