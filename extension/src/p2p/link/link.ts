import type { Duplex } from 'node:stream';
import type { Event } from '../../shared/events.ts';
import type { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Pipe, Route, Tier, TransportAddress } from '../transport/transport.ts';
import type { ControlNotifications, ControlRequests } from './control-protocol.ts';

/**
 * A link is one SSH 2 session with one peer, over whatever transport. Both keys were verified before anybody sees the link.
 * `connected` ⇄ `reconnecting` (the transport dropped; channels are frozen, nothing is lost, LI4) → `closed` (final).
 */
export type LinkState = 'connected' | 'reconnecting' | 'closed';

/** What the two ends told each other in the hello exchange (LI6). */
export interface LinkHello {
  readonly protocol: number;
  readonly capabilities: readonly string[];
  readonly software: string;
  /** Random for each run of the peer's engine. */
  readonly instance: string;
  /** On the dialer's side: counts its dials, so that both ends know which of two links is the newer. */
  readonly dial: number;
}

/** The stream of one `exec`: half-close works, `destroy` closes the channel at once. */
export interface ExecStream extends Duplex {
  /** On the side that requested it: the other's exit status, known from `close` on; undefined when there was none. */
  readonly exitStatus: number | undefined;
  /** On the side that serves it: ends the stream with this status, whether or not the other side has ended. */
  exit(status: number): void;
}

export interface Link {
  /** Our own identity. */
  readonly self: PeerId;
  /** The peer's identity: the fingerprint of the SSH key that it proved to hold. Never a field of a message. */
  readonly peer: PeerId;
  /** The peer's SSH public key blob (RFC 4253 §6.6), to verify what it signs. */
  readonly publicKey: Uint8Array;
  /** True on the side that dialed. */
  readonly dialer: boolean;
  /** The dialer's count of this dial, the same on both ends. */
  readonly dial: number;
  /** The SSH session id (RFC 4253 §7.2), equal on both ends and unguessable: what a proof binds to. Survives a reconnect unchanged. */
  readonly sessionBinding: Uint8Array;
  readonly remote: LinkHello;
  readonly state: LinkState;
  readonly route: Route;
  /** Where the other end is on the present transport, for people: `192.0.2.7:4711`. */
  readonly remoteAddress: string;
  /** Round trip in milliseconds, undefined until measured. */
  readonly rttMs: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** The same by the route that carried them. */
  readonly traffic: ReadonlyMap<Route, { readonly sent: number; readonly received: number }>;
  /** Of the bytes sent: those that had gone before and were lost with a transport. */
  readonly bytesResent: number;
  /** How often the link has changed its transport, for a better one or because it lost one. */
  readonly moves: number;
  /** Better tiers that may be used and are not, each with why its last attempt failed, for people. */
  readonly betterRoutes: readonly { readonly tier: Tier; readonly why: string }[];

  /**
   * Lets the peer do everything; before, it may only send what `BEFORE_ADMISSION` names, in small frames, and open no stream.
   * A dialer that verified the key it wanted may call this at once. Calling it twice is harmless.
   */
  admit(): void;
  /**
   * Where the peer may be found from now on. A dialed link looks for it there when it was dropped, and at once for a better route; an
   * accepted one does so on the tiers on which the dialer may not be able to come by itself (tcp).
   */
  updateAddresses(addresses: readonly TransportAddress[]): void;
  /**
   * Moves a dialed link to a transport that has just been established to the same peer, while streams go on (LI3). Takes the pipe over
   * in any case. Throws `link-lost` when the peer does not take up the link there; the link then stays where it was.
   */
  replaceTransport(pipe: Pipe): Promise<void>;

  /** Typed control messages in both directions; see `control-protocol.ts`. */
  readonly control: ControlChannel;
  /**
   * Opens an SSH `session` channel and requests `exec` with `command`; `signal` counts until it is open. Past two at once it waits its
   * turn. Throws `not-admitted`, `engine-busy`, `bad-request` (the peer does not serve `command`), `cancelled`, `link-lost`.
   */
  exec(command: string, options?: { signal?: AbortSignal }): Promise<ExecStream>;
  /** Called for each `exec` that the peer requests; return false to refuse it. The stream ends when the peer half-closes. */
  onExec(handler: (command: string, stream: ExecStream) => boolean): void;

  readonly onState: Event<LinkState>;
  /** The link goes on over another transport, by the same route or another. */
  readonly onRoute: Event<Route>;
  /** Fires once, with the reason. */
  readonly onClosed: Event<PeerweaveError>;
  /** Closes for good; tells the other side the reason. */
  close(error: PeerweaveError): Promise<void>;
}

/** JSON-RPC over one SSH channel. A message that its schema refuses closes the link with a typed reason (LI8). */
export interface ControlChannel {
  /** Sends a request and resolves to the decoded answer; rejects with `PeerweaveError` (the peer's reason, `timeout`, `link-lost`). */
  request<M extends keyof ControlRequests>(
    method: M,
    params: ControlRequests[M]['params'],
    options?: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<ControlRequests[M]['result']>;
  notify<M extends keyof ControlNotifications>(method: M, params: ControlNotifications[M]): void;
  handleRequest<M extends keyof ControlRequests>(
    method: M,
    handler: (params: ControlRequests[M]['params']) => Promise<ControlRequests[M]['result']>,
  ): void;
  handleNotification<M extends keyof ControlNotifications>(
    method: M,
    handler: (params: ControlNotifications[M]) => void,
  ): void;
}
