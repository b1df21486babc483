import { ID_BYTES, MAX_MESSAGE_BYTES } from './messages.ts';

/**
 * A relayed binary frame, which the server passes on unchanged:
 *
 *     [session_id_len:u8][session_id][peer_id_len:u8][peer_id][sequence:u64][data]
 *
 * `session_id` names the meeting and `peer_id` the sender, both as 16 raw bytes; numbers are big-endian. The server looks at the two
 * ids and at nothing else. `sequence` counts the sender's frames of this meeting from 0 and is the receiver's to check.
 */
export const RELAY_HEADER_BYTES = 1 + ID_BYTES + 1 + ID_BYTES + 8;
export const MAX_RELAY_DATA_BYTES = MAX_MESSAGE_BYTES - RELAY_HEADER_BYTES;

export interface RelayFrame {
  /** base64url, as in the text messages. */
  readonly session: string;
  readonly peer: string;
  readonly sequence: number;
  /** A view of the frame, not a copy. */
  readonly data: Uint8Array;
}

/** The bytes before `data`: made once for each frame, so that data need not be copied to be framed. */
export function relayHeader(session: Uint8Array, peer: Uint8Array, sequence: number): Buffer {
  const header = Buffer.alloc(RELAY_HEADER_BYTES);
  header[0] = ID_BYTES;
  header.set(session, 1);
  header[1 + ID_BYTES] = ID_BYTES;
  header.set(peer, 2 + ID_BYTES);
  header.writeBigUInt64BE(BigInt(sequence), 2 + 2 * ID_BYTES);
  return header;
}

/** Undefined when `frame` is none: too short, too long, or with ids of another length. */
export function parseRelayFrame(frame: Uint8Array): RelayFrame | undefined {
  if (frame.length < RELAY_HEADER_BYTES || frame.length > MAX_MESSAGE_BYTES) return undefined;
  if (frame[0] !== ID_BYTES || frame[1 + ID_BYTES] !== ID_BYTES) return undefined;
  const sequence = new DataView(frame.buffer, frame.byteOffset).getBigUint64(2 + 2 * ID_BYTES);
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return {
    session: encodeId(frame.subarray(1, 1 + ID_BYTES)),
    peer: encodeId(frame.subarray(2 + ID_BYTES, 2 + 2 * ID_BYTES)),
    sequence: Number(sequence),
    data: frame.subarray(RELAY_HEADER_BYTES),
  };
}

/** 16 bytes → 22 characters of base64url. */
export const encodeId = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');

/** The 16 bytes of an id. */
export const decodeId = (id: string): Buffer => Buffer.from(id, 'base64url');
