/**
 * What a TURN client and server say to each other over TCP or TLS: STUN messages (RFC 8489 §5) and ChannelData (RFC 8656 §12.4), one after the
 * other, told apart by their first two bits. Over UDP each is a datagram; on a stream each is a multiple of four bytes long (RFC 8656 §12.5).
 */
const STUN_HEADER_BYTES = 20;
const CHANNEL_HEADER_BYTES = 4;
const STUN = 0b00;
const CHANNEL_DATA = 0b01;
const EMPTY = Buffer.alloc(0);

/** The bytes for a stream; undefined when `datagram` is neither a STUN message nor ChannelData. */
export function turnFrame(datagram: Buffer): Buffer | undefined {
  const length = frameLength(datagram);
  // ChannelData over UDP may be padded, and need not be.
  if (length === undefined || datagram.length < length || datagram.length > padded(length)) return undefined;
  const wanted = padded(length);
  return datagram.length === wanted ? datagram : Buffer.concat([datagram, Buffer.alloc(wanted - datagram.length)]);
}

/** Splits a stream into datagrams. Holds at most one of them that is not complete yet: 64 KiB. */
export class TurnStreamParser {
  private rest: Buffer = EMPTY;

  /** What is complete now. Throws when the stream is no TURN; what came before that is lost with it. */
  push(chunk: Buffer): Buffer[] {
    let left = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const datagrams: Buffer[] = [];
    while (left.length >= CHANNEL_HEADER_BYTES) {
      const length = frameLength(left);
      if (length === undefined) throw new Error('The TURN server sent something that is no TURN.');
      if (left.length < padded(length)) break;
      datagrams.push(left.subarray(0, length));
      left = left.subarray(padded(length));
    }
    // A copy: a few bytes must not keep the chunk they came in.
    this.rest = left.length === 0 ? EMPTY : Buffer.from(left);
    return datagrams;
  }
}

/** Without padding; undefined when the first bits are of neither kind, or there are too few bytes to tell. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < CHANNEL_HEADER_BYTES) return undefined;
  const length = bytes.readUInt16BE(2);
  switch (bytes.readUInt8(0) >> 6) {
    case STUN:
      // Attributes are padded within the message.
      return length % 4 === 0 ? STUN_HEADER_BYTES + length : undefined;
    case CHANNEL_DATA:
      return CHANNEL_HEADER_BYTES + length;
    default:
      return undefined;
  }
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;
