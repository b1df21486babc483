import type { WebSocket } from 'ws';
import type { Disposable } from '../../shared/disposable.ts';
import { DisposableStore } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { abortable } from './abortable.ts';
import { systemClock, type Clock } from './clock.ts';
import { ConnectionKeeper } from './connection-keeper.ts';
import { newConnectionId, RoomConnection } from './room-connection.ts';
import { deriveRoomKeys, type RoomKeys } from './room-keys.ts';
import { ServerList } from './server-list.ts';
import { openSignalingSocket, type OpenSocket } from './signaling-socket.ts';
import { displayUrl, parseSignalingUrl } from './signaling-url.ts';
import type { Meeting, MemberAddress, SignalFrom, Signaling, SignalingState, SignalMessage } from './signaling.ts';
import { DEFAULT_TIMINGS, type SignalingTimings } from './timings.ts';
import { SIGNALING_PROTOCOL, type ClientMessage, type IceServer, type RoomPeer } from './wire/messages.ts';

export interface SignalingClientOptions {
  /** Preferred first; the first that lets us in is used, the others are spare. At least one. */
  readonly urls: readonly string[];
  /** The session's meeting secret, 16 bytes; see `room-keys.ts`. */
  readonly secret: Uint8Array;
  /** Who we are, which only members get to know. */
  readonly peer: PeerId;
  /** What the operator of the servers wants to see. */
  readonly token?: string | undefined;
  readonly log: Logger;
  readonly open?: OpenSocket;
  readonly clock?: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly timings?: Partial<SignalingTimings>;
}

/** A session's meeting place on one of several signaling servers, for as long as it is not disposed. */
export class SignalingClient implements Signaling {
  private readonly options: SignalingClientOptions;
  private readonly keys: RoomKeys;
  private readonly tag: string;
  private readonly keeper: ConnectionKeeper;
  private readonly open: OpenSocket;
  private readonly timings: SignalingTimings;
  private readonly stopped = new AbortController();
  private readonly states: Emitter<SignalingState>;
  private readonly presence: Emitter<void>;
  private readonly messages: Emitter<SignalFrom>;
  private readonly meetings: Emitter<Meeting>;
  readonly onState: Event<SignalingState>;
  readonly onPeers: Event<void>;
  readonly onMessage: Event<SignalFrom>;
  readonly onMeeting: Event<Meeting>;
  private subscriptions: Disposable | undefined;
  private lastSelf: RoomPeer;
  private announced: readonly MemberAddress[] | undefined;

  /** Begins to connect. Throws `bad-request` for URLs that are none. */
  constructor(options: SignalingClientOptions) {
    const [first, ...others] = options.urls.map(parseSignalingUrl);
    if (first === undefined) throw new PeerweaveError('bad-request', 'Name the URL of a signaling server.');
    const { log, clock = systemClock, random = Math.random } = options;
    this.options = options;
    this.keys = deriveRoomKeys(options.secret);
    this.tag = this.keys.tagOf(options.peer);
    this.lastSelf = { peer: newConnectionId(), tag: this.tag };
    this.open = options.open ?? openSignalingSocket;
    this.timings = { ...DEFAULT_TIMINGS, ...options.timings };
    const emitter = <T>(): Emitter<T> => new Emitter((error) => log.error(`signaling: ${String(error)}`));
    this.states = emitter();
    this.presence = emitter();
    this.messages = emitter();
    this.meetings = emitter();
    this.onState = this.states.event;
    this.onPeers = this.presence.event;
    this.onMessage = this.messages.event;
    this.onMeeting = this.meetings.event;
    this.keeper = this.keep(new ServerList([first, ...others], clock, random), clock);
  }

  get state(): SignalingState {
    if (this.stopped.signal.aborted) return 'closed';
    return this.keeper.connection === undefined ? 'connecting' : 'joined';
  }

  get url(): string {
    return displayUrl(this.keeper.server.url);
  }

  get failure(): PeerweaveError | undefined {
    return this.keeper.failure;
  }

  get problem(): string | undefined {
    return this.failure?.message;
  }

  get self(): RoomPeer {
    return this.lastSelf;
  }

  get peers(): readonly RoomPeer[] {
    return this.keeper.connection?.peers ?? [];
  }

  tagOf(peer: PeerId): string {
    return this.keys.tagOf(peer);
  }

  async joined(signal?: AbortSignal): Promise<void> {
    await this.keeper.joined(signal);
  }

  announce(addresses: readonly MemberAddress[]): void {
    this.announced = addresses;
    for (const peer of this.peers) this.greet(peer);
  }

  send(to: RoomPeer, message: SignalMessage): void {
    this.keeper.connection?.send(to, message);
  }

  async meet(to: RoomPeer, signal?: AbortSignal): Promise<Meeting> {
    const connection = await this.keeper.joined(signal);
    return connection.meet(to, signal);
  }

  async openMeeting({ url, ticket }: Meeting, signal?: AbortSignal): Promise<WebSocket> {
    const { token } = this.options;
    const stop = signal === undefined ? this.stopped.signal : AbortSignal.any([signal, this.stopped.signal]);
    const socket = await this.open(parseSignalingUrl(url), { signal: stop, timeoutMs: this.timings.joinMs });
    const permission = token === undefined ? {} : { token };
    const attach: ClientMessage = { type: 'attach', version: SIGNALING_PROTOCOL, ticket, ...permission };
    socket.send(JSON.stringify(attach));
    return socket;
  }

  async iceServers(signal?: AbortSignal): Promise<readonly IceServer[]> {
    const connection = await this.keeper.joined(signal);
    return abortable(
      connection.iceServers(),
      signal,
      () => new PeerweaveError('cancelled', 'Asking for ICE servers was cancelled.'),
    );
  }

  meetingKey({ session, self, with: other }: Meeting): Uint8Array {
    return this.keys.meetingKey(session, self, other.peer);
  }

  networkChanged(): void {
    this.keeper.networkChanged();
  }

  dispose(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.subscriptions?.dispose();
    this.keeper.dispose();
    this.states.fire('closed');
    for (const emitter of [this.states, this.presence, this.messages, this.meetings]) emitter.dispose();
  }

  private keep(servers: ServerList, clock: Clock): ConnectionKeeper {
    const { keys, tag, open, timings } = this;
    const { token, log } = this.options;
    const keeper = new ConnectionKeeper({
      servers,
      join: ({ url }, signal, onJoined) =>
        RoomConnection.join({ url, keys, tag, token, open, clock, timings, log }, signal, onJoined),
      clock,
      timings,
      log,
    });
    keeper.onConnection((connection) => this.follow(connection));
    keeper.start();
    return keeper;
  }

  /** Passes on what happens on the present connection. */
  private follow(connection: RoomConnection | undefined): void {
    this.subscriptions?.dispose();
    this.subscriptions = undefined;
    if (connection !== undefined) {
      const subscriptions = new DisposableStore();
      this.subscriptions = subscriptions;
      this.lastSelf = connection.self;
      subscriptions.add(connection.onMessage((message) => this.messages.fire(message)));
      subscriptions.add(connection.onMeeting((meeting) => this.meetings.fire(meeting)));
      subscriptions.add(
        connection.onPeers((arrived) => {
          if (arrived !== undefined) this.greet(arrived);
          this.presence.fire();
        }),
      );
      for (const peer of connection.peers) this.greet(peer);
    }
    this.states.fire(this.state);
    this.presence.fire();
  }

  private greet(to: RoomPeer): void {
    if (this.announced === undefined) return;
    this.send(to, { kind: 'here', peer: this.options.peer, addresses: [...this.announced] });
  }
}
