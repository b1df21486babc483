import { PeerweaveError, REASONS, type Reason } from '../../shared/errors.ts';

/**
 * What the two ends of a `messageStream` say to each other, one message each: type(1) ‖ payload, numbers big-endian.
 *
 *     data    ‖ bytes, at least one      in order; only as many as the other side has granted
 *     credit  ‖ u32                      so many bytes more may come: the reader has taken as many
 *     end                                 no more data from this side; the other may go on
 *     ended                               your end has arrived
 *     reset   ‖ reason, ASCII            the stream is gone in both directions
 *
 * Each side begins with a grant of `FIRST_WINDOW_BYTES`, and never holds one of more than `STREAM_WINDOW_BYTES`; the reader lets it grow as
 * it reads. So a reader that does not read stops the far writer, and nothing between the two ever holds more than a window (LI7). Who breaks
 * a rule loses the stream (LI8).
 *
 * `ended` lets a port be closed without losing what is still on its way: the last `end` would be that.
 */
export const MESSAGE_DATA = 1;
export const MESSAGE_CREDIT = 2;
export const MESSAGE_END = 3;
export const MESSAGE_ENDED = 4;
export const MESSAGE_RESET = 5;

/**
 * 5 MB/s at 100 ms of round trip. More would be faster on long ways, but what is under way when a link moves to another transport is sent again
 * there, and after an outage a link may move several times: all of that has to stay below 2 MB.
 */
export const STREAM_WINDOW_BYTES = 512 * 1024;
/** Enough for a handshake. A relay may have to hold as much for each pipe of fifty members, before any of them has shown that it reads. */
export const FIRST_WINDOW_BYTES = 64 * 1024;

export interface WindowSizes {
  /** Granted without a word. */
  readonly firstBytes: number;
  readonly windowBytes: number;
}

/** The type before the payload. */
export const STREAM_HEADER_BYTES = 1;
const MAX_RESET_BYTES = 64;

export type StreamMessage =
  | { readonly type: typeof MESSAGE_DATA; readonly bytes: Buffer }
  | { readonly type: typeof MESSAGE_CREDIT; readonly bytes: number }
  | { readonly type: typeof MESSAGE_END }
  | { readonly type: typeof MESSAGE_ENDED }
  | { readonly type: typeof MESSAGE_RESET; readonly reason: Reason };

/** The message's fields; the bytes of data are a view of it. Throws `protocol-violation` for what no honest peer sends. */
export function parseStreamMessage(message: Uint8Array): StreamMessage {
  const view = Buffer.from(message.buffer, message.byteOffset, message.length);
  const type = view[0];
  const payload = view.subarray(STREAM_HEADER_BYTES);
  switch (type) {
    case MESSAGE_DATA:
      if (payload.length > 0) return { type, bytes: payload };
      break;
    case MESSAGE_CREDIT:
      if (payload.length === 4) return { type, bytes: payload.readUInt32BE(0) };
      break;
    case MESSAGE_END:
    case MESSAGE_ENDED:
      if (payload.length === 0) return { type };
      break;
    case MESSAGE_RESET:
      if (payload.length <= MAX_RESET_BYTES) return { type, reason: knownReason(payload.toString('latin1')) };
      break;
    default:
  }
  throw new PeerweaveError(
    'protocol-violation',
    `The peer sent a message of type ${type ?? 'none'} with ${payload.length} bytes.`,
  );
}

export function creditMessage(bytes: number): Buffer {
  const message = Buffer.alloc(STREAM_HEADER_BYTES + 4);
  message[0] = MESSAGE_CREDIT;
  message.writeUInt32BE(bytes, STREAM_HEADER_BYTES);
  return message;
}

export const plainMessage = (type: typeof MESSAGE_END | typeof MESSAGE_ENDED): Buffer => Buffer.of(type);

export const resetMessage = (reason: Reason): Buffer =>
  Buffer.concat([Buffer.of(MESSAGE_RESET), Buffer.from(reason, 'latin1')]);

/** A peer's word is shown to people only if it is one of ours. */
const knownReason = (text: string): Reason => REASONS.find((reason) => reason === text) ?? 'link-lost';
