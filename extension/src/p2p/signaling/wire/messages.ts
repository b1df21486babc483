import * as z from 'zod';

/**
 * What a client and a signaling server say to each other: JSON text frames on a WebSocket, one message each, with the subprotocol
 * `peerweave.signaling.1`. Relayed bytes travel beside them, as binary frames (`relay-frame.ts`) or as `data` messages.
 *
 *     client                          server
 *     join {room, peer, tag}       →
 *                                  ←  joined {peers, ice}              or error, and the connection closes
 *                                  ←  peer-joined, peer-left           as others come and go
 *     signal {to, body}            →  signal {from, body}              to that one peer; bodies are sealed, see `sealed-body.ts`
 *     meet {to, request}           →
 *                                  ←  meeting {with, session, ticket, url?}     to both, each with a ticket of its own
 *     attach {ticket}              →                                   on this connection, or as the first message of one to `url`
 *                                  ←  attached {session, ready}        `ready` once the other is there too, then said to both
 *     data / binary frames         →  the same, unchanged, to the other one of the meeting
 *                                  ←  pause {session}, resume {session}         the other one does not read as fast: no data until `resume`
 *     detach {session}             →  detached {session}               to the other
 *                                  ←  go-away {afterMs}                the server stops: come back then
 *
 * A server learns a room id, which is derived from a secret, random ids of connections, tags that mean something only to members, and
 * sizes and times (SE2). It is believed in nothing: who somebody is, is proven by SSH on top (LI1).
 */
export const SIGNALING_PROTOCOL = 1;
export const SIGNALING_SUBPROTOCOL = 'peerweave.signaling.1';

/** 128 bits in base64url: rooms, connections, tags, meetings, tickets. */
export const wireId = z.string().regex(/^[A-Za-z0-9_-]{22}$/);
const id = wireId;
export const ID_BYTES = 16;

/** The largest text or binary frame either side takes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Before `join` or `attach` there is nothing long to say. */
export const MAX_UNAUTHENTICATED_BYTES = 4 * 1024;
/** A sealed body in base64url; leaves room for the message around it. An SDP with many candidates has some 8 KiB. */
export const MAX_BODY_LENGTH = 60 * 1024;
export const MAX_PEERS_PER_ROOM = 1_000;
export const MAX_ICE_SERVERS = 16;
/** For the `data` of the text tier: base64 of what a binary frame may carry. */
export const MAX_DATA_LENGTH = 60 * 1024;
/**
 * What a client may have under way to one other before a server stops to read it, with all its other meetings: more than the window of a
 * stream (`stream-message.ts`) takes as base64, so that this never befalls a client that heeds `pause`.
 */
export const MAX_UNDER_WAY_BYTES = 1024 * 1024;

export const roomPeer = z.object({
  /** Of one connection, chosen at random by its client: a peer that comes back has another. */
  peer: id,
  /** What members recognise each other by; stays the same as long as the room does. */
  tag: id,
});
export type RoomPeer = z.infer<typeof roomPeer>;

/** As in `RTCIceServer`. */
export const iceServer = z.object({
  urls: z.array(z.string().min(1).max(300)).min(1).max(8),
  username: z.string().max(300).optional(),
  credential: z.string().max(300).optional(),
});
export type IceServer = z.infer<typeof iceServer>;

/** Bytes of one meeting as text: the fields of a relay frame. `data` is base64 and means nothing to the server. */
const data = z.object({
  type: z.literal('data'),
  session: id,
  /** Whose it is. */
  peer: id,
  sequence: z.int().min(0),
  data: z.string().max(MAX_DATA_LENGTH),
});

const token = z.string().min(1).max(512).optional();

export const clientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('join'), version: z.int(), room: id, ...roomPeer.shape, token }),
  z.object({ type: z.literal('signal'), to: id, body: z.string().min(1).max(MAX_BODY_LENGTH) }),
  /** Asks for a meeting with a peer of the room; `request` comes back in the answer. */
  z.object({ type: z.literal('meet'), to: id, request: z.int().min(0) }),
  z.object({ type: z.literal('attach'), version: z.int(), ticket: id, token }),
  z.object({ type: z.literal('detach'), session: id }),
  /** Asks for ICE servers anew: the credentials of the last answer run out. */
  z.object({ type: z.literal('ice') }),
  data,
]);
export type ClientMessage = z.infer<typeof clientMessage>;

/** Why a server refuses something. With `fatal` the connection closes after it. */
export const SERVER_REASONS = [
  'bad-message',
  'message-too-large',
  'version',
  'unauthorised',
  'not-joined',
  'room-full',
  'server-full',
  'too-many-connections',
  'rate-limited',
  'slow-consumer',
  'peer-unknown',
  'peer-taken',
  'ticket-unknown',
  'session-unknown',
  'timeout',
  'idle',
  'going-away',
] as const;
export type ServerReason = (typeof SERVER_REASONS)[number];

const ice = {
  ice: z.array(iceServer).max(MAX_ICE_SERVERS),
  /** Until the credentials run out. */ iceSeconds: z.int().min(0),
};

export const serverMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('joined'), peers: z.array(roomPeer).max(MAX_PEERS_PER_ROOM), ...ice }),
  z.object({ type: z.literal('peer-joined'), ...roomPeer.shape }),
  z.object({ type: z.literal('peer-left'), peer: id }),
  z.object({ type: z.literal('signal'), from: id, body: z.string().min(1).max(MAX_BODY_LENGTH) }),
  z.object({
    type: z.literal('meeting'),
    with: id,
    session: id,
    ticket: id,
    /** The node to meet at, when it is another one than this. */
    url: z
      .url({ protocol: /^wss?$/ })
      .max(300)
      .optional(),
    /** To whoever asked. */
    request: z.int().min(0).optional(),
  }),
  z.object({ type: z.literal('attached'), session: id, ready: z.boolean() }),
  z.object({ type: z.literal('detached'), session: id }),
  z.object({ type: z.literal('pause'), session: id }),
  z.object({ type: z.literal('resume'), session: id }),
  z.object({ type: z.literal('ice'), ...ice }),
  data,
  z.object({
    type: z.literal('error'),
    reason: z.enum(SERVER_REASONS),
    message: z.string().max(500),
    fatal: z.boolean(),
    request: z.int().min(0).optional(),
    session: id.optional(),
  }),
  z.object({ type: z.literal('go-away'), afterMs: z.int().min(0).max(600_000) }),
]);
export type ServerMessage = z.infer<typeof serverMessage>;
