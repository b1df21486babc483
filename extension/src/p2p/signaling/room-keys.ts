import { createHmac, hkdfSync } from 'node:crypto';
import type { PeerId } from '../../shared/ids.ts';
import { ID_BYTES } from './wire/messages.ts';
import { encodeId } from './wire/relay-frame.ts';

/**
 * What a session's meeting secret (128 random bits, carried in the invite) becomes by HKDF-SHA256 (RFC 5869): each use has a label of
 * its own, so that none tells anything of another. The room id is all that a server gets to see (SE2).
 */
export interface RoomKeys {
  /** The room's id, 16 bytes in base64url. */
  readonly room: string;
  /** 32 bytes: seals what members say to each other. */
  readonly bodyKey: Uint8Array;
  /** What a member is called in this room: 16 bytes in base64url that do not tell its fingerprint. */
  tagOf(peer: PeerId): string;
  /** 32 bytes for the two ends of one meeting, named by its session id and the two connections that meet. */
  meetingKey(session: string, one: string, other: string): Uint8Array;
}

const KEY_BYTES = 32;

/** `secret` is 16 bytes at least. */
export function deriveRoomKeys(secret: Uint8Array): RoomKeys {
  if (secret.length < ID_BYTES) throw new RangeError(`A meeting secret has ${ID_BYTES} bytes, not ${secret.length}.`);
  const derive = (label: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `peerweave room 1: ${label}`, bytes));
  const tagKey = derive('tags', KEY_BYTES);
  const meetingRoot = derive('meetings', KEY_BYTES);
  return {
    room: encodeId(derive('room id', ID_BYTES)),
    bodyKey: derive('bodies', KEY_BYTES),
    tagOf: (peer) => encodeId(createHmac('sha256', tagKey).update(peer).digest().subarray(0, ID_BYTES)),
    meetingKey(session, one, other) {
      // The server names meetings and could name two alike; the connections' ids are the members' own and differ each time.
      const ends = [one, other].sort().join(' ');
      return Buffer.from(hkdfSync('sha256', meetingRoot, '', `${session} ${ends}`, KEY_BYTES));
    },
  };
}
