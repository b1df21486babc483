import { describe, expect, it } from 'vitest';
import { deriveRoomKeys } from '../../../extension/src/p2p/signaling/room-keys.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';

const secret = new Uint8Array(Array.from({ length: 16 }, (_, index) => index));
const peer = `SHA256:${'A'.repeat(43)}` as PeerId;
const one = 'A'.repeat(22);
const other = 'B'.repeat(22);

describe('room keys', () => {
  it('[SE2] stay what they are: members of two versions find each other', () => {
    // Computed apart from this code, with Python's `hmac` and `hashlib` (RFC 5869).
    const keys = deriveRoomKeys(secret);
    expect(keys.room).toBe('ZzYHjD5Aqs1nEYHVJQwQYw');
    expect(Buffer.from(keys.bodyKey).toString('hex')).toBe(
      '98b6ac1f322544e197b292a2fa24700d1e165de6fb1b1ff83843c583bcfe05d9',
    );
    expect(keys.tagOf(peer)).toBe('7ZWVAw2axW2NXRUYzruPTg');
    expect(Buffer.from(keys.meetingKey('S'.repeat(22), one, other)).toString('hex')).toBe(
      '75e722e791164e7988d3c8dd528d8b1c4182e79bac1ec3fee646aed2f00a1e49',
    );
  });

  it('[SE2] have nothing in common from one secret to the next', () => {
    const [a, b] = [deriveRoomKeys(secret), deriveRoomKeys(new Uint8Array(16))];
    expect(a.room).not.toBe(b.room);
    expect(a.bodyKey).not.toEqual(b.bodyKey);
    expect(a.tagOf(peer)).not.toBe(b.tagOf(peer));
  });

  it('give both ends of a meeting one key, and every meeting another', () => {
    const keys = deriveRoomKeys(secret);
    const meetingKey = (...names: [string, string, string]): Uint8Array => keys.meetingKey(...names);
    expect(meetingKey('S'.repeat(22), one, other)).toEqual(meetingKey('S'.repeat(22), other, one));
    expect(meetingKey('S'.repeat(22), one, other)).not.toEqual(meetingKey('T'.repeat(22), one, other));
    // A server that names two meetings alike.
    expect(meetingKey('S'.repeat(22), one, other)).not.toEqual(meetingKey('S'.repeat(22), one, 'C'.repeat(22)));
  });

  it('are not made of too short a secret', () => {
    expect(() => deriveRoomKeys(new Uint8Array(15))).toThrow(RangeError);
  });
});
