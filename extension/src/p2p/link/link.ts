import type { Duplex } from 'node:stream';
import type { Event } from '../../shared/events.ts';
import type { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Route } from '../transport/transport.ts';
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
}

export interface Link {
  /** The peer's identity: the fingerprint of the SSH key that it proved to hold. Never a field of a message. */
  readonly peer: PeerId;
  /** The peer's SSH public key blob (RFC 4253 §6.6), to verify what it signs. */
  readonly publicKey: Uint8Array;
  /** True on the side that dialed. */
  readonly dialer: boolean;
  /** The SSH session id (RFC 4253 §7.2), equal on both ends and unguessable: what a proof binds to. Survives a reconnect unchanged. */
  readonly sessionBinding: Uint8Array;
  readonly remote: LinkHello;
  readonly state: LinkState;
  readonly route: Route;
  /** Round trip in milliseconds, undefined until measured. */
  readonly rttMs: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;

  /** Typed control messages in both directions; see `control-protocol.ts`. */
  readonly control: ControlChannel;
  /** Opens an SSH `session` channel and requests `exec` with `command`. Half-close works; destroying it closes the channel. */
  exec(command: string, options?: { signal?: AbortSignal }): Promise<Duplex>;
  /** Called for each `exec` that the peer requests; return false to refuse it. The stream ends when the peer half-closes. */
  onExec(handler: (command: string, stream: Duplex) => boolean): void;

  readonly onState: Event<LinkState>;
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
