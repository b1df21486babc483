import type { Reason } from '../../../shared/errors.ts';
import type { IceCandidate } from '../ice-candidate.ts';
import type { ChosenIceServers } from '../ice-servers.ts';
import type { SessionDescription } from '../session-description.ts';
import type { Route } from '../transport.ts';

/**
 * What an engine and its WebRTC process (`main.ts`) say to each other, as frames on a pipe (`frames.ts`). Both are of one build and trust
 * each other; what peers said has been read and written anew before it gets here.
 *
 *     engine                              process
 *     open {id, options}               →                             a peer connection
 *     command {id, command}            →
 *     data of id                       →                             to be sent, once the connection is open
 *                                      ←  event {id, event}          the last of a connection is `ended`
 *                                      ←  data of id                 received, while the connection is open
 *     ping                             →
 *                                      ←  pong                       after a call into the library, which would not return if it hung
 *                                      ←  unavailable {message}      there is no library for this platform; the process ends
 */
export type ToProcess =
  /** Ids begin at 1. */
  | { readonly kind: 'open'; readonly id: number; readonly options: ConnectionOptions }
  | { readonly kind: 'command'; readonly id: number; readonly command: ConnectionCommand }
  | { readonly kind: 'ping' };

export type FromProcess =
  | { readonly kind: 'event'; readonly id: number; readonly event: ConnectionEvent }
  | { readonly kind: 'pong' }
  | { readonly kind: 'unavailable'; readonly message: string };

export interface ConnectionOptions {
  readonly servers: ChosenIceServers;
  /** Only this interface; all when absent. */
  readonly bindAddress?: string;
  /** Shows the other side no address but those of TURN servers. */
  readonly relayOnly: boolean;
  /** Certificate authorities for TURN over TLS in place of the trusted ones, in PEM. */
  readonly ca?: string;
}

export type ConnectionCommand =
  /** Begins as the one who dials, */
  | { readonly kind: 'offer' }
  /** or as the one who was dialed. */
  | { readonly kind: 'accept'; readonly offer: SessionDescription }
  | { readonly kind: 'answered'; readonly answer: SessionDescription }
  | { readonly kind: 'candidate'; readonly candidate: IceCandidate }
  /** Once all that was sent has arrived; */
  | { readonly kind: 'close' }
  /** or at once. */
  | { readonly kind: 'dispose' };

/** The largest message on a data channel: the larger, the less work a byte, and what every implementation takes (RFC 8841 §6.1). */
export const MAX_CHANNEL_MESSAGE_BYTES = 64 * 1024;
/** What may be in a data channel's queue when more is sent: enough that the network does not run dry meanwhile. */
export const CHANNEL_LOW_BYTES = 128 * 1024;

export interface Path {
  readonly route: Route;
  /** `192.0.2.7:4711` */
  readonly remote: string;
}

export type ConnectionEvent =
  /** Our description; an answer with the candidates that are known by now. Once. */
  | { readonly kind: 'described'; readonly description: SessionDescription }
  /** The others, once the other side has described itself. */
  | { readonly kind: 'candidate'; readonly candidate: IceCandidate }
  /** Why it is not open yet, for people. */
  | { readonly kind: 'why'; readonly text: string }
  | { readonly kind: 'opened'; readonly path: Path }
  /** A better pair was found. */
  | { readonly kind: 'path'; readonly path: Path }
  /** So many bytes more than before have left the channel's queue. */
  | { readonly kind: 'sent'; readonly bytes: number }
  /** With a failure when it was not us who ended it. */
  | { readonly kind: 'ended'; readonly failure?: Failure };

export interface Failure {
  readonly reason: Reason;
  readonly message: string;
}
