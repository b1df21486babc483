import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/**
 * What travels on one transport under the SSH session. SSH itself runs over a byte stream that outlives transports
 * (`resumable-stream.ts`); this is how that stream is carried, acknowledged and picked up again (LI3, LI4).
 *
 * A new link, then frames both ways:
 *
 *     dialer   → acceptor   "PWL1" 'N'
 *
 * A link that goes on over another transport, because it lost its own or because this one is better:
 *
 *     dialer   → acceptor   "PWL1" 'R' linkId(16) nonceD(16)
 *     acceptor → dialer     'Y' lost(1) nonceA(16) mac(32)             or  'X' signature(64) when it has no such link
 *     dialer   → acceptor   turn(8) receivedD(8) mac(32)
 *     acceptor → dialer     receivedA(8) fromA(8) mac(32), then frames both ways
 *
 * `lost` is 1 when the acceptor has no transport any more: then the dialer's is dead too, whether it knows or not.
 *
 * Each goes on with the byte that the other has not received. The acceptor says from where: over the old transport the dialer may
 * have acknowledged more since its third message.
 *
 * Where only the acceptor can reach the dialer, it brings the transport, and the dialer begins as above on that:
 *
 *     acceptor → dialer     "PWL1" 'B' linkId(16)
 *
 * Up to its third message a dialer may walk away, and the link stays where it was; with the fourth the acceptor has left the old
 * transport, and the dialer does. So a transport that dies in between, or a peer that agrees and then does nothing, costs nothing.
 * Turns count up, so that one message that was long under way cannot take the link back to a transport that was given up.
 *
 * The macs are HMAC-SHA256 over role and all the fields before them, under a key that both derive from the SSH session id, which only
 * the two that authenticated each other know. So a link can be picked up only by its own ends, and a recorded resume is worthless.
 * The signature is the peer's own, over `unknownLinkText`: a stranger who was given the peer's old address cannot end the link.
 * The frames themselves are not authenticated: SSH inside them is, and a transport that meddles can do no more than break the link (LI1).
 *
 * Frames: type(1) length(3) payload. Numbers are big-endian.
 */
export const MAGIC = Buffer.from('PWL1', 'latin1');
export const PREFACE_BYTES = 5;
export const KIND_NEW = 'N'.charCodeAt(0);
export const KIND_RESUME = 'R'.charCodeAt(0);
export const KIND_BECKON = 'B'.charCodeAt(0);
export const RESUME_ACCEPTED = 'Y'.charCodeAt(0);
export const RESUME_UNKNOWN = 'X'.charCodeAt(0);

export const LINK_ID_BYTES = 16;
export const NONCE_BYTES = 16;
export const POSITION_BYTES = 8;
export const MAC_BYTES = 32;
/** ECDSA P-256, see `identity.ts`. */
export const SIGNATURE_BYTES = 64;

/** Bytes of the SSH stream. */
export const FRAME_DATA = 0;
/** u64: how many bytes of the SSH stream have arrived in all. */
export const FRAME_ACK = 1;
/** u64 chosen by the sender, returned in a pong at once. */
export const FRAME_PING = 2;
export const FRAME_PONG = 3;

export const FRAME_HEADER_BYTES = 4;
/** All frames but data carry one u64. */
export const CONTROL_PAYLOAD_BYTES = 8;
/** One SSH packet is at most 1 MiB in our library and 35,000 bytes in others (RFC 4253 §6.1). */
export const MAX_FRAME_BYTES = 1024 * 1024 + 1024;

export function preface(kind: number): Buffer {
  return Buffer.concat([MAGIC, Buffer.from([kind])]);
}

/** A data frame holding a copy of `data`: the SSH library reuses its buffer as soon as a write returns. */
export function dataFrame(data: Uint8Array): Buffer {
  // Not from Node's pool: a frame waits for its acknowledgement, and a tiny one would keep 64 KiB of pool alive meanwhile.
  const frame = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + data.length);
  frame.writeUInt32BE(FRAME_DATA * 0x1000000 + data.length, 0);
  frame.set(data, FRAME_HEADER_BYTES);
  return frame;
}

export function controlFrame(type: number, value: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + CONTROL_PAYLOAD_BYTES);
  frame.writeUInt32BE(type * 0x1000000 + CONTROL_PAYLOAD_BYTES, 0);
  frame.writeBigUInt64BE(BigInt(value), FRAME_HEADER_BYTES);
  return frame;
}

export function position(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(POSITION_BYTES);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export const readPosition = (bytes: Buffer): number => Number(bytes.readBigUInt64BE());

/** What both ends of an authenticated link know and nobody else: a name for the link, and a key to prove to be an end of it. */
export interface ResumeSecret {
  readonly linkId: Buffer;
  readonly key: Buffer;
}

/** `sessionId` is the SSH exchange hash of the link. */
export function resumeSecret(sessionId: Uint8Array): ResumeSecret {
  const derive = (info: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', sessionId, Buffer.alloc(0), info, bytes));
  return { linkId: derive('peerweave link id', LINK_ID_BYTES), key: derive('peerweave resume key', MAC_BYTES) };
}

/** Who says it, and what for: no message can stand for another. */
export type ResumeRole = 'here' | 'come' | 'came';

export function resumeMac(key: Buffer, role: ResumeRole, fields: readonly Buffer[]): Buffer {
  return createHmac('sha256', key).update(role).update(Buffer.concat(fields)).digest();
}

/** What a peer signs that does not know a link any more. */
export const unknownLinkText = (linkId: Buffer, nonce: Buffer): Buffer =>
  Buffer.concat([Buffer.from('peerweave unknown link\0', 'latin1'), linkId, nonce]);

export const sameMac = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
