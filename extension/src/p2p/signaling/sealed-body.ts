import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { signalMessage, type SignalMessage } from './signaling.ts';
import { MAX_BODY_LENGTH, type RoomPeer } from './wire/messages.ts';

/**
 * What members say to each other by way of a server that must not read, change, repeat, reorder or redirect it:
 *
 *     body   := base64url( version:u8 = 1 ‖ sequence:u64 ‖ nonce:12 ‖ AES-256-GCM( padded JSON ) ‖ tag:16 )
 *     bound  := room, sender's connection and tag, receiver's connection and tag, sequence     (additional data, NIST SP 800-38D)
 *
 * A connection's id is random and new each time, so a body opens on one connection only. The sequence rises with every body of a
 * sender's connection, whomever it is for; gaps are normal, and what is not above the last is refused. Random nonces of 96 bits are good
 * for 2^32 bodies of one room's key. JSON is padded with spaces to one of a few sizes, so that sizes tell little.
 *
 * Every member has the key: a body proves that a member sent it, not which one.
 */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + 8;
const OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
const CIPHER = 'aes-256-gcm';
const LABEL = 'peerweave signal 1';

/** The last holds the largest body that the wire takes. */
const BUCKETS = [256, 1024, 4096, 16_384, Math.floor((MAX_BODY_LENGTH * 3) / 4) - OVERHEAD_BYTES];
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export interface Envelope {
  readonly room: string;
  readonly from: RoomPeer;
  readonly to: RoomPeer;
}

/** Seals `message` as the sender's body number `sequence`. Undefined when it is too long for any body. */
export function sealBody(
  key: Uint8Array,
  envelope: Envelope,
  sequence: number,
  message: SignalMessage,
): string | undefined {
  const json = Buffer.from(JSON.stringify(message));
  const bucket = BUCKETS.find((size) => json.length <= size);
  if (bucket === undefined) return undefined;
  const header = headerOf(sequence);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(envelope, header));
  const padding = Buffer.alloc(bucket - json.length, ' ');
  const sealed = [cipher.update(json), cipher.update(padding), cipher.final()];
  return Buffer.concat([header, nonce, ...sealed, cipher.getAuthTag()]).toString('base64url');
}

/** Why a body did not open, for the counts that a person may look at. */
export type BodyFault = 'forged' | 'replayed' | 'malformed' | 'unknown-kind';
export type Opened = { readonly message: SignalMessage } | { readonly fault: BodyFault };

/** Opens the bodies that come in on one connection, and remembers how far each sender has got. */
export class BodyOpener {
  /** Connection id → its highest sequence. A sender that left stays in it: the server decides who has left. */
  private readonly highest = new Map<string, number>();
  private readonly key: Uint8Array;

  constructor(key: Uint8Array) {
    this.key = key;
  }

  /** How many senders it remembers, which only those who have the key can raise. */
  get senders(): number {
    return this.highest.size;
  }

  /** Never throws, whatever `body` is. */
  open(envelope: Envelope, body: string): Opened {
    const opened = unseal(this.key, envelope, body);
    if (opened === undefined) return { fault: 'forged' };
    const { sequence, text } = opened;
    if (sequence <= (this.highest.get(envelope.from.peer) ?? -1)) return { fault: 'replayed' };
    this.highest.set(envelope.from.peer, sequence);
    return decode(text);
  }
}

function unseal(key: Uint8Array, envelope: Envelope, body: string): { sequence: number; text: string } | undefined {
  if (!BASE64URL.test(body)) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  if (bytes.length < OVERHEAD_BYTES || bytes[0] !== VERSION) return undefined;
  const header = bytes.subarray(0, HEADER_BYTES);
  const sequence = header.readBigUInt64BE(1);
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(envelope, header));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const sealed = bytes.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES);
    const text = Buffer.concat([decipher.update(sealed), decipher.final()]).toString();
    return { sequence: Number(sequence), text };
  } catch {
    return undefined;
  }
}

function decode(text: string): Opened {
  const value = parseJson(text);
  const parsed = signalMessage.safeParse(value);
  if (parsed.success) return { message: parsed.data };
  return { fault: hasUnknownKind(value) ? 'unknown-kind' : 'malformed' };
}

const KINDS: ReadonlySet<unknown> = new Set(signalMessage.options.map(({ shape }) => shape.kind.value));

const hasUnknownKind = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  typeof value.kind === 'string' &&
  !KINDS.has(value.kind);

function headerOf(sequence: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = VERSION;
  header.writeBigUInt64BE(BigInt(sequence), 1);
  return header;
}

/** Ids are all of one length, so nothing can be moved from one field into the next. */
function boundTo({ room, from, to }: Envelope, header: Buffer): Buffer {
  const names = [LABEL, room, from.peer, from.tag, to.peer, to.tag].join(' ');
  return Buffer.concat([Buffer.from(names), header]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
