import * as z from 'zod';
import {
  isOid,
  isPeerId,
  isSessionId,
  isSharedRef,
  type BranchName,
  type Oid,
  type PeerId,
  type RefName,
  type SessionId,
} from '../../shared/ids.ts';

/**
 * Every message of the control channel, as a table `method → schema`. One JSON-RPC 2.0 message a frame (`frames.ts`).
 *
 * Flow on a fresh link: `join` (a guest with an invite, or a member coming back) → `welcome` as its result → `roster` and
 * `manifest` both ways, again whenever they change. An orderly close carries its reason in SSH's own disconnect message.
 */

/** Protocol version spoken by this build; both ends must have the same (LI6). */
export const PROTOCOL_VERSION = 1;

/** A frame larger than this closes the link. Holds a manifest of MAX_MANIFEST_REFS refs with ordinary names. */
export const MAX_CONTROL_FRAME_BYTES = 4 * 1024 * 1024;
/** Before the peer is admitted it has nothing large to say. */
export const MAX_UNADMITTED_FRAME_BYTES = 64 * 1024;
/** Messages a second that a peer may send on average, and at once: a busy rebase makes tens a second, a flood thousands. */
export const MAX_MESSAGES_PER_SECOND = 200;
export const MAX_MESSAGE_BURST = 1_000;

export const MAX_MANIFEST_REFS = 20_000;
/** A session is 2 to 50 peers in full mesh; the roster also keeps those that left. */
export const MAX_ROSTER_ENTRIES = 200;
/** git itself refuses longer paths on most systems. */
export const MAX_REF_NAME_BYTES = 255;
export const MAX_NAME_LENGTH = 64;
export const MAX_ADDRESSES = 32;
export const MAX_SIGNALING_URLS = 8;

const oid = z.custom<Oid>((v) => typeof v === 'string' && isOid(v), 'an object id');
const peerId = z.custom<PeerId>((v) => typeof v === 'string' && isPeerId(v), 'a fingerprint');
const sessionId = z.custom<SessionId>((v) => typeof v === 'string' && isSessionId(v), 'a session id');
/** Only the shape that every ref shares; the repository's gate applies git's own rules (SY2). */
const sharedRef = z.custom<RefName>(
  (v) => typeof v === 'string' && v.length <= MAX_REF_NAME_BYTES && isSharedRef(v),
  'a branch or tag ref',
);
const branchName = z.custom<BranchName>(
  (v) => typeof v === 'string' && v.length > 0 && v.length <= MAX_REF_NAME_BYTES,
  'a branch',
);
const base64 = (maxBytes: number) => z.base64().max(Math.ceil(maxBytes / 3) * 4);
const displayName = z.string().min(1).max(MAX_NAME_LENGTH);
const address = z.object({
  tier: z.enum(['tcp', 'webrtc', 'relay', 'json', 'memory']),
  value: z.string().min(1).max(300),
});
export const signalingUrl = z.url({ protocol: /^wss?$/ }).max(300);
const addresses = z.array(address).max(MAX_ADDRESSES);

/** Who belongs to the session, each entry signed by the member that admitted it (SE5). */
export const rosterEntry = z.object({
  peer: peerId,
  /** SSH public key blob, base64. */
  publicKey: base64(512),
  name: displayName,
  role: z.enum(['owner', 'write', 'read']),
  epoch: z.int().min(1),
  /** Who signed: the session's first owner signs itself. */
  addedBy: peerId,
  /** Unix milliseconds by the signer's clock. */
  addedAt: z.int().min(0),
  signature: base64(256),
});
export type RosterEntry = z.infer<typeof rosterEntry>;

/** What an author's repository offers, signed with the author's key (SY1). */
export const manifest = z.object({
  session: sessionId,
  /** Which project this speaks of: SHA-256 over the session's root commits, hex. */
  repo: z.string().regex(/^[0-9a-f]{64}$/),
  author: peerId,
  epoch: z.int().min(1),
  seq: z.int().min(1),
  /** SHA-256 of the author's manifest before this one, hex; absent on the first. */
  prev: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  refs: z.array(z.tuple([sharedRef, oid])).max(MAX_MANIFEST_REFS),
  /** The branch that is checked out; absent when HEAD is detached. */
  head: sharedRef.optional(),
  signature: base64(256),
});
export type Manifest = z.infer<typeof manifest>;

export const joinParams = z.object({
  session: sessionId,
  name: displayName,
  addresses,
  /** HMAC-SHA256 over the SSH session id, keyed by the invite's secret, base64 (SE4). Absent when a member comes back (SE5). */
  proof: base64(32).optional(),
});
export const welcome = z.object({
  roster: z.array(rosterEntry).min(1).max(MAX_ROSTER_ENTRIES),
  repo: z.object({
    name: displayName,
    roots: z.array(oid).max(64),
    objectFormat: z.enum(['sha1', 'sha256']),
  }),
  addresses,
});

const requests = {
  /** Guest or returning member → member. Answered only after approval; the link may do nothing else before. */
  join: { params: joinParams, result: welcome },
  /** Measures the round trip on the application's own path. */
  ping: { params: z.object({}), result: z.object({}) },
} as const;

const notifications = {
  /** The guest is being shown to a person; `join` will be answered within this many seconds. */
  waiting: z.object({ seconds: z.int().min(0).max(3600) }),
  roster: z.object({ entries: z.array(rosterEntry).min(1).max(MAX_ROSTER_ENTRIES) }),
  /** How to reach members; a hint, never trusted for identity. */
  presence: z.object({
    members: z.array(z.object({ peer: peerId, addresses })).max(MAX_ROSTER_ENTRIES),
    /** From the founder: where members meet, for those that joined before there was a signaling server. */
    meeting: z.object({ secret: base64(16), urls: z.array(signalingUrl).min(1).max(MAX_SIGNALING_URLS) }).optional(),
  }),
  manifest,
  /** The sender has everything of `author`'s manifest `seq`: lets the author show who is in sync. */
  ack: z.object({ author: peerId, seq: z.int().min(1) }),
  /** Somebody at the sender is settling this branch, or is not any more (D8). Said again on a new link; older versions ignore it (LI6). */
  resolving: z.object({ branch: branchName, active: z.boolean() }),
} as const;

export const controlSchemas = { requests, notifications };

/** What a peer may send before the session layer admits it; everything else is refused. */
export const BEFORE_ADMISSION: ReadonlySet<string> = new Set<keyof typeof requests | keyof typeof notifications>([
  'join',
  'ping',
  'waiting',
]);

export type ControlRequests = {
  [M in keyof typeof requests]: {
    params: z.infer<(typeof requests)[M]['params']>;
    result: z.infer<(typeof requests)[M]['result']>;
  };
};
export type ControlNotifications = { [M in keyof typeof notifications]: z.infer<(typeof notifications)[M]> };
export type JoinParams = z.infer<typeof joinParams>;
export type Welcome = z.infer<typeof welcome>;
