import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { PeerweaveError } from '../../shared/errors.ts';

/**
 * Keeps a server and whatever else is on the way from changing, repeating, reordering, dropping or reading what passes a meeting. SSH on
 * top would notice as well, but it ends the session then; here only the pipe ends, and the link looks for another.
 *
 *     frame 0       hello(version 1 ‖ salt 32 ‖ mac 32 ‖ probe)         in the clear
 *     frame n ≥ 1   AES-256-GCM(data) ‖ tag 16                          the nonce is n
 *
 * Key of one direction: HKDF-SHA256 (RFC 5869) of the meeting's key, salted by both hellos, for the sender's connection id. So a nonce
 * never comes twice under one key and no earlier meeting can be replayed, even if the server gives two of them the same name.
 * `mac` is HMAC-SHA256 with the meeting's key over all the rest of the hello and who it is from.
 *
 * Reading is kept from the server as well: SSH shows both sides' public keys before it encrypts, and thereby who meets.
 */
const VERSION = 1;
export const SALT_BYTES = 32;
const MAC_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

/** What a sealed frame is longer than its data. */
export const SEAL_BYTES = 16;

/** Every byte value, in frames of a size that no middlebox takes for a mere greeting. */
const PROBE = Buffer.alloc(4096, Buffer.from(Array.from({ length: 256 }, (_, value) => value)));
const HELLO_BYTES = 1 + SALT_BYTES + MAC_BYTES + PROBE.length;

/** One end of a meeting. */
export interface MeetingEnds {
  /** 32 bytes that only the two ends know, and other members of the room. */
  readonly key: Uint8Array;
  /** The two connections' ids. */
  readonly self: string;
  readonly other: string;
  /** Names what the meeting is for, so that frames of another kind of meeting mean nothing. */
  readonly purpose: string;
}

/** Frame 0. `salt` is `SALT_BYTES` of fresh randomness. */
export function helloFrame(ends: MeetingEnds, salt: Uint8Array): Buffer {
  const head = Buffer.concat([Buffer.of(VERSION), salt]);
  return Buffer.concat([head, helloMac(ends, ends.self, head, PROBE), PROBE]);
}

/** The other side's salt. Throws `transport-corrupt` when its hello is not as it was sent. */
export function openHello(ends: MeetingEnds, frame: Uint8Array): Buffer {
  const hello = asBuffer(frame);
  const head = hello.subarray(0, 1 + SALT_BYTES);
  const mac = hello.subarray(head.length, head.length + MAC_BYTES);
  const probe = hello.subarray(head.length + MAC_BYTES);
  if (hello.length !== HELLO_BYTES || !timingSafeEqual(mac, helloMac(ends, ends.other, head, probe))) {
    throw corrupt('did not arrive as it was sent');
  }
  if (head[0] !== VERSION) {
    throw new PeerweaveError(
      'protocol-incompatible',
      `The peer relays by version ${head[0]}, this build by ${VERSION}.`,
    );
  }
  return head.subarray(1);
}

/** Seals what goes out and opens what comes in, each in the order of its numbers. */
export class MeetingSeal {
  private readonly outKey: KeyObject;
  private readonly inKey: KeyObject;
  private readonly nonce = Buffer.alloc(NONCE_BYTES);

  constructor(ends: MeetingEnds, ownSalt: Uint8Array, otherSalt: Uint8Array) {
    this.outKey = directionKey(ends, ends.self, ownSalt, otherSalt);
    this.inKey = directionKey(ends, ends.other, otherSalt, ownSalt);
  }

  /** The parts of frame number `sequence`, to be sent one after the other. */
  seal(sequence: number, data: Uint8Array): readonly [sealed: Buffer, tag: Buffer] {
    const cipher = createCipheriv(CIPHER, this.outKey, this.nonceOf(sequence));
    const sealed = cipher.update(data);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  }

  /** Throws `transport-corrupt` when the frame is not number `sequence` as it was sent. */
  open(sequence: number, frame: Uint8Array): Buffer {
    const sealed = asBuffer(frame);
    if (sealed.length < SEAL_BYTES) throw corrupt('was cut short');
    const decipher = createDecipheriv(CIPHER, this.inKey, this.nonceOf(sequence), { authTagLength: SEAL_BYTES });
    decipher.setAuthTag(sealed.subarray(-SEAL_BYTES));
    const data = decipher.update(sealed.subarray(0, -SEAL_BYTES));
    try {
      decipher.final();
    } catch {
      throw corrupt('was changed, repeated or moved on its way');
    }
    return data;
  }

  private nonceOf(sequence: number): Buffer {
    this.nonce.writeBigUInt64BE(BigInt(sequence), NONCE_BYTES - 8);
    return this.nonce;
  }
}

export const corrupt = (what: string): PeerweaveError =>
  new PeerweaveError(
    'transport-corrupt',
    `A relayed frame ${what}. Something between here and the peer changes traffic.`,
  );

function helloMac({ key, purpose }: MeetingEnds, from: string, head: Uint8Array, probe: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`peerweave hello 1 ${purpose} ${from} `).update(head).update(probe).digest();
}

function directionKey(
  { key, purpose }: MeetingEnds,
  from: string,
  fromSalt: Uint8Array,
  toSalt: Uint8Array,
): KeyObject {
  const salt = Buffer.concat([fromSalt, toSalt]);
  return createSecretKey(
    Buffer.from(hkdfSync('sha256', key, salt, `peerweave frames 1 ${purpose} ${from}`, KEY_BYTES)),
  );
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
