import type { WebSocket } from 'ws';
import * as z from 'zod';
import type { Disposable } from '../../shared/disposable.ts';
import type { PeerweaveError } from '../../shared/errors.ts';
import type { Event } from '../../shared/events.ts';
import { isPeerId, type PeerId } from '../../shared/ids.ts';
import type { IceServer, RoomPeer } from './wire/messages.ts';

/**
 * The meeting place of a session on a signaling server, as the tiers and the session see it. Messages between members are sealed with a
 * key that the server does not have; see `sealed-body.ts`.
 */
export type SignalingState = 'connecting' | 'joined' | 'closed';

const address = z.object({
  tier: z.enum(['tcp', 'webrtc', 'relay', 'json', 'memory']),
  value: z.string().min(1).max(300),
});
export type MemberAddress = z.infer<typeof address>;
const attempt = z.string().regex(/^[A-Za-z0-9_-]{22}$/);

/** What members tell each other in sealed bodies. An unknown kind is ignored (LI6), a malformed known one is dropped and counted. */
export const signalMessage = z.discriminatedUnion('kind', [
  /** To everybody who comes, and again when it changes. A hint: nobody is believed to be who they say before SSH proved it. */
  z.object({
    kind: z.literal('here'),
    peer: z.custom<PeerId>((value) => typeof value === 'string' && isPeerId(value)),
    addresses: z.array(address).max(32),
  }),
  /** WebRTC (RFC 8829): one `attempt` is one peer connection, begun by whoever dials. */
  z.object({ kind: z.literal('offer'), attempt, sdp: z.string().max(20_000) }),
  z.object({ kind: z.literal('answer'), attempt, sdp: z.string().max(20_000) }),
  z.object({ kind: z.literal('candidate'), attempt, candidate: z.string().max(1_000), mid: z.string().max(64) }),
  /** Whoever asked for a meeting says what it is for; one that no member speaks of is not attended, for the server may have made it up. */
  z.object({ kind: z.literal('meet'), attempt, tier: z.enum(['relay', 'json']) }),
  /** A WebRTC attempt or a meeting is given up, or not wanted; `attempt` is the meeting's session then. */
  z.object({ kind: z.literal('refuse'), attempt, message: z.string().max(200) }),
]);
export type SignalMessage = z.infer<typeof signalMessage>;

export interface SignalFrom {
  readonly from: RoomPeer;
  readonly message: SignalMessage;
}

/** Two connections are to attach at `url` (the server that we are connected with when absent) to be relayed to each other. */
export interface Meeting {
  readonly with: RoomPeer;
  /** Our own id in it. */
  readonly self: string;
  readonly session: string;
  readonly ticket: string;
  readonly url: string;
}

export interface Signaling extends Disposable {
  readonly state: SignalingState;
  /** The server that is in use, or was last: without credentials, for people. */
  readonly url: string;
  /** Why it is not joined: `signaling-unreachable`, `signaling-refused`, `room-full`, `rate-limited`; undefined when it is. */
  readonly failure: PeerweaveError | undefined;
  /** The same for people. */
  readonly problem: string | undefined;
  /** Of this member's present connection. */
  readonly self: RoomPeer;
  /** Everybody else in the room. */
  readonly peers: readonly RoomPeer[];
  /** What a member is called in this room: equal for all who know the session's secret, meaningless to the server. */
  tagOf(peer: PeerId): string;
  /** Resolves when joined; rejects with `signaling-unreachable`, `room-full`, `rate-limited` …, or `cancelled`. */
  joined(signal?: AbortSignal): Promise<void>;
  /** Tells everybody in the room, and whoever comes, where we can be reached without it; sent again when it changes. */
  announce(addresses: readonly MemberAddress[]): void;
  /** The network may be another one, or the computer was asleep: finds out whether the connection lives, and does not wait to try again. */
  networkChanged(): void;
  /** Seals and sends to one connection. Quietly nothing when it is gone or we are not joined: whoever waits has a deadline. */
  send(to: RoomPeer, message: SignalMessage): void;
  /** Asks the server for a relayed meeting. Rejects with `unreachable`, `signaling-unreachable`, `rate-limited`, `cancelled`. */
  meet(to: RoomPeer, signal?: AbortSignal): Promise<Meeting>;
  /**
   * Connects to where the meeting is, as to any signaling server (proxy, certificates, time limit), and attaches with our ticket. What comes
   * on the connection, `attached` first, is the caller's to read, and the connection its to close. Rejects as `joined` does.
   */
  openMeeting(meeting: Meeting, signal?: AbortSignal): Promise<WebSocket>;
  /** Present ICE servers, with credentials that are good for some minutes at least. */
  iceServers(signal?: AbortSignal): Promise<readonly IceServer[]>;
  /** A key of 32 bytes for the two ends of one meeting, which the server cannot know; see `relay-seal.ts`. */
  meetingKey(meeting: Meeting): Uint8Array;

  readonly onState: Event<SignalingState>;
  readonly onPeers: Event<void>;
  readonly onMessage: Event<SignalFrom>;
  /** Somebody else asked for a meeting with us. */
  readonly onMeeting: Event<Meeting>;
}
