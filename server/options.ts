import type { Logger } from '../extension/src/shared/log.ts';
import { MAX_MESSAGE_BYTES, MAX_UNAUTHENTICATED_BYTES } from '../extension/src/p2p/signaling/wire/messages.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

export interface Limit {
  readonly value: number;
  /** On the command line, without the dashes. Milliseconds are seconds there. */
  readonly flag: string;
  readonly unit: 'bytes' | 'seconds' | 'count';
  readonly about: string;
  /** The largest that the wire format or a timer can take. */
  readonly max?: number;
  /** Default 1. */
  readonly min?: number;
}

/**
 * Every limit of the server: its default, its option of `peerweave serve`, and what it holds. Times are in milliseconds.
 * `docs/SERVER.md` has the same table for people.
 */
export const LIMITS = {
  messageBytes: {
    value: MAX_MESSAGE_BYTES,
    flag: 'max-message-bytes',
    unit: 'bytes',
    about: 'one text message; a longer one closes the connection',
    max: MAX_MESSAGE_BYTES,
  },
  frameBytes: {
    value: MAX_MESSAGE_BYTES,
    flag: 'max-frame-bytes',
    unit: 'bytes',
    about: 'one binary relay frame; a longer one closes the connection',
    max: MAX_MESSAGE_BYTES,
  },
  unauthenticatedBytes: {
    value: MAX_UNAUTHENTICATED_BYTES,
    flag: 'max-unauthenticated-bytes',
    unit: 'bytes',
    about: 'all that a connection may send before it has joined or attached',
  },
  unauthenticatedMs: {
    value: 10_000,
    flag: 'unauthenticated-seconds',
    unit: 'seconds',
    about: 'until a new connection has sent its request, and then until it has joined or attached',
  },
  connectionsPerAddress: {
    value: 20,
    flag: 'max-connections-per-address',
    unit: 'count',
    about: 'connections of one IPv4 address or IPv6 /64 network',
  },
  connections: { value: 5_000, flag: 'max-connections', unit: 'count', about: 'connections in all' },
  peersPerRoom: {
    value: 50,
    flag: 'max-peers-per-room',
    unit: 'count',
    about: 'connections in one room, on all nodes together',
    // All of them have to fit into one message.
    max: 500,
  },
  joinsPerSecond: {
    value: 10,
    flag: 'max-joins-per-second',
    unit: 'count',
    about: 'joins and first attaches of one address; ten seconds’ worth may come at once',
  },
  messagesPerSecond: {
    value: 100,
    flag: 'max-messages-per-second',
    unit: 'count',
    about: 'messages of one connection that are not relayed; ten seconds’ worth may come at once',
  },
  relayBytesPerSecondPerPeer: {
    value: 64 * MiB,
    flag: 'relay-bytes-per-second-per-peer',
    unit: 'bytes',
    about: 'relayed for one peer; above it the server reads slower',
  },
  relayBytesPerSecondPerRoom: {
    value: 256 * MiB,
    flag: 'relay-bytes-per-second-per-room',
    unit: 'bytes',
    about: 'relayed for one room; above it the server reads slower',
  },
  slowConsumerPauseBytes: {
    value: 256 * KiB,
    flag: 'slow-consumer-pause-bytes',
    unit: 'bytes',
    about: 'queued for one connection before those who relay to it are asked to pause, and not read if they go on',
  },
  slowConsumerDropBytes: {
    value: 4 * MiB,
    flag: 'slow-consumer-drop-bytes',
    unit: 'bytes',
    about: 'queued for one connection before it is dropped',
  },
  slowConsumerDropMs: {
    value: 10_000,
    flag: 'slow-consumer-drop-seconds',
    unit: 'seconds',
    about: 'in which nothing gets through to a connection above the pause mark before it is dropped',
  },
  pingMs: {
    value: 15_000,
    flag: 'ping-seconds',
    unit: 'seconds',
    about: 'between pings; a connection that has not answered one by the next is dropped',
  },
  roomIdleMs: {
    value: 24 * 3_600_000,
    flag: 'room-idle-seconds',
    unit: 'seconds',
    about: 'without any message or relayed byte before a room is closed',
  },
  ticketMs: {
    value: 30_000,
    flag: 'ticket-seconds',
    unit: 'seconds',
    about: 'for both ends of a meeting to attach',
  },
  meetingsPerPeer: {
    value: 200,
    flag: 'max-meetings-per-peer',
    unit: 'count',
    about: 'meetings at once that one peer has asked for',
  },
  nodeMs: {
    value: 15_000,
    flag: 'node-seconds',
    unit: 'seconds',
    about: 'without a sign of life before another node’s peers count as gone',
  },
  busBytes: {
    value: 4 * MiB,
    flag: 'max-bus-bytes',
    unit: 'bytes',
    about: 'on their way to Redis before more is thrown away',
  },
  drainMs: {
    value: 10_000,
    flag: 'drain-seconds',
    unit: 'seconds',
    about: 'that connections have to go by themselves when the server stops',
    min: 0,
  },
  goAwaySpreadMs: {
    value: 5_000,
    flag: 'go-away-spread-seconds',
    unit: 'seconds',
    about: 'over which clients are told to come back when the server stops',
    min: 0,
    max: 600_000,
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type ServerLimits = Readonly<Record<LimitName, number>>;

export const DEFAULT_LIMITS = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { value }]) => [name, value]),
) as ServerLimits;

export interface TurnOptions {
  /** `turn:host:3478?transport=udp`, `turns:host:5349`; RFC 7065. */
  readonly urls: readonly string[];
  /** Shared with the TURN server: coturn's `static-auth-secret`. */
  readonly secret: string;
  /** For how long credentials are good. Default one hour. */
  readonly seconds?: number;
}

export interface ServerOptions {
  /** Address to listen at. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free port. */
  readonly port?: number;
  /** Port of 127.0.0.1 for `/metrics`; 0 picks a free one, absent means none. */
  readonly metricsPort?: number;
  readonly limits?: Partial<ServerLimits>;
  /** What every client must show. Absent: anybody may use the server. */
  readonly token?: string;
  /** Origins that pages in browsers may come from, `*` for any. Requests with an `Origin` header are refused otherwise. */
  readonly allowOrigins?: readonly string[];
  /** Networks (CIDR) or addresses whose `X-Forwarded-For` is believed. */
  readonly trustProxies?: readonly string[];
  /** `stun:host:3478`; RFC 7064. */
  readonly stun?: readonly string[];
  readonly turn?: TurnOptions;
  /** `redis://…` or `rediss://…`, version 6 or newer: shares rooms with other nodes. */
  readonly redis?: string;
  /** Where clients of this server reach this node: needed where several share rooms. Default: where it listens. */
  readonly advertise?: string;
  readonly log?: Logger;
  /** Milliseconds from any origin, rising. */
  readonly now?: () => number;
  /** In [0, 1). */
  readonly random?: () => number;
}

export interface RunningServer {
  /** `ws://host:port`. */
  readonly url: string;
  readonly port: number;
  readonly metricsUrl: string | undefined;
  /** Tells clients to come back, lets them go for `drainMs` (the limit of that name when absent), then closes everything. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}
