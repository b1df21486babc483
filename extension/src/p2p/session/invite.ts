import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { PeerweaveError } from '../../shared/errors.ts';
import { isPeerId, isSessionId, type PeerId, type SessionId } from '../../shared/ids.ts';
import { MAX_ADDRESSES, MAX_NAME_LENGTH, MAX_SIGNALING_URLS, signalingUrl } from '../link/control-protocol.ts';
import type { TransportAddress } from '../transport/transport.ts';

/**
 * An invite (SE1): everything a guest needs to reach and to recognise the host, and the secret that proves the invitation.
 *
 *     link := scheme "://peerweave.peerweave/join#" code
 *     code := "pw1-" base64url( json ‖ first 4 bytes of SHA-256(json) )
 *
 * It travels in the link's fragment, which browsers do not send to servers. The checksum tells a truncated paste from a wrong
 * one; it protects against accidents, not against people. Keys are short because people send this through chat.
 */
export interface Invite {
  readonly session: SessionId;
  /** 128 random bits. Never logged (SE8). */
  readonly secret: Uint8Array;
  /** The host's fingerprint, which pins its SSH host key (SE3). */
  readonly host: PeerId;
  readonly hostName: string;
  readonly repoName: string;
  readonly addresses: readonly TransportAddress[];
  /** Where members meet when they cannot reach each other's addresses; absent without a signaling server. */
  readonly meeting?: MeetingPlace;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/** A room on a signaling server, which all members of a session know. */
export interface MeetingPlace {
  /** 128 random bits, of the session and not of one invite: room id and keys derive from it (SE2). Never logged (SE8). */
  readonly secret: Uint8Array;
  /** `ws:` or `wss:`, the one to use first. */
  readonly urls: readonly string[];
}

const CODE_PREFIX = 'pw1-';
const SECRET_BYTES = 16;
const CHECKSUM_BYTES = 4;
/** 32 addresses of the longest form fit; a paste larger than this is something else. */
const MAX_CODE_LENGTH = 8192;

const wire = z.object({
  s: z.string().refine(isSessionId),
  k: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  h: z.string().refine(isPeerId),
  n: z.string().min(1).max(MAX_NAME_LENGTH),
  r: z.string().min(1).max(MAX_NAME_LENGTH),
  a: z.array(z.string().min(1).max(300)).max(MAX_ADDRESSES),
  m: z
    .string()
    .regex(/^[A-Za-z0-9_-]{22}$/)
    .optional(),
  g: z.array(signalingUrl).min(1).max(MAX_SIGNALING_URLS).optional(),
  e: z.int().min(0),
});

export const newSessionId = (): SessionId => randomBytes(16).toString('hex') as SessionId;
export const newSecret = (): Uint8Array => new Uint8Array(randomBytes(SECRET_BYTES));

export function encodeInvite(invite: Invite): string {
  const json = Buffer.from(
    JSON.stringify({
      s: invite.session,
      k: Buffer.from(invite.secret).toString('base64url'),
      h: invite.host,
      n: invite.hostName,
      r: invite.repoName,
      a: invite.addresses.filter((address) => address.tier === 'tcp').map((address) => address.value),
      ...(invite.meeting === undefined
        ? {}
        : { m: Buffer.from(invite.meeting.secret).toString('base64url'), g: [...invite.meeting.urls] }),
      e: invite.expiresAt,
    } satisfies z.input<typeof wire>),
  );
  return CODE_PREFIX + Buffer.concat([json, checksum(json)]).toString('base64url');
}

/** `vscode://peerweave.peerweave/join#pw1-…`, for the editor whose `env.uriScheme` is given. */
export const inviteLink = (code: string, uriScheme: string): string =>
  `${uriScheme}://peerweave.peerweave/join#${code}`;

/**
 * Reads a link or a plain code, with the white space that chats add.
 * Throws `invite-foreign` for something that is no Peerweave invite and `invite-malformed` for a damaged one. An expired
 * invite decodes; `assertUnexpired` refuses it, so that the message can still say whose it was.
 */
export function decodeInvite(text: string): Invite {
  const code = codeOf(text);
  const bytes = Buffer.from(code.slice(CODE_PREFIX.length), 'base64url');
  const json = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES));
  if (json.length === 0 || !checksum(json).equals(bytes.subarray(json.length))) throw damaged();
  const parsed = wire.safeParse(parseJson(json));
  if (!parsed.success) throw damaged();
  const { s, k, h, n, r, a, m, g, e } = parsed.data;
  return {
    session: s,
    secret: new Uint8Array(Buffer.from(k, 'base64url')),
    host: h,
    hostName: n,
    repoName: r,
    addresses: a.map((value) => ({ tier: 'tcp', value })),
    ...(m === undefined || g === undefined
      ? {}
      : { meeting: { secret: new Uint8Array(Buffer.from(m, 'base64url')), urls: g } }),
    expiresAt: e,
  };
}

/** Throws `invite-expired` when `now` (Unix milliseconds) is past the invite's end. */
export function assertUnexpired(invite: Pick<Invite, 'expiresAt' | 'hostName'>, now: number): void {
  if (now < invite.expiresAt) return;
  throw new PeerweaveError(
    'invite-expired',
    `This invite expired on ${new Date(invite.expiresAt).toISOString()}. Ask ${invite.hostName} for a new one (Copy Invite).`,
  );
}

/** Whether a text, such as the clipboard, holds something that looks like an invite. Cheap and never throws. */
export const looksLikeInvite = (text: string): boolean => text.length <= MAX_CODE_LENGTH && text.includes(CODE_PREFIX);

function codeOf(text: string): string {
  const trimmed = text.trim().replace(/\s+/g, '');
  const start = trimmed.startsWith(CODE_PREFIX) ? 0 : trimmed.indexOf(`#${CODE_PREFIX}`) + 1;
  const found = trimmed.startsWith(CODE_PREFIX) || start > 0;
  if (!found || trimmed.length > MAX_CODE_LENGTH) {
    throw new PeerweaveError(
      'invite-foreign',
      'This is not a Peerweave invite. An invite is a link that ends in join#pw1-…, or the part that starts with pw1-.',
    );
  }
  return trimmed.slice(start);
}

const checksum = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES);

const damaged = (): PeerweaveError =>
  new PeerweaveError('invite-malformed', 'This invite is incomplete or damaged. Copy the whole link again.');

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
