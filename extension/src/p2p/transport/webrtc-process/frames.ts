import { MAX_CHANNEL_MESSAGE_BYTES } from './wire.ts';

/**
 * What goes through the pipe between an engine and its WebRTC process: length(4) ‖ connection(4) ‖ payload, numbers big-endian.
 *
 *     control ‖ JSON                     connection 0; what is said is in `wire.ts`
 *     data    ‖ bytes, at least one      a message that the data channel of a connection has received, or shall send
 *
 * One pipe for both, so that they stay in order. Bytes of data are never copied into anything larger on their way.
 */
export const CONTROL = 0;
export const FRAME_HEADER_BYTES = 8;
/** Certificate authorities are the largest thing that is said. */
const MAX_CONTROL_BYTES = 4 * 1024 * 1024;

/** What comes before a payload of `length` bytes. Throws an `Error` when it would be larger than the other end takes. */
export function frameHeader(connection: number, length: number): Buffer {
  checkLength(connection, length);
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32BE(length, 0);
  header.writeUInt32BE(connection, 4);
  return header;
}

/** Takes the pipe's bytes apart. Holds at most one frame that is not complete yet. */
export class FrameParser {
  private readonly take: (connection: number, payload: Buffer) => void;
  private readonly scratch: Buffer | undefined;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerBytes = 0;
  private connection = 0;
  private length = 0;
  /** The payload that comes in parts, and how much of it is here. */
  private payload: Buffer | undefined;
  private payloadBytes = 0;

  /**
   * What `take` gets of a data frame is memory of its own. With `scratch`, where payloads that come in parts are put together, it is lent, and
   * valid until `take` returns, as that of a control frame always is.
   */
  constructor(take: (connection: number, payload: Buffer) => void, scratch?: Buffer) {
    this.take = take;
    this.scratch = scratch;
  }

  /** Throws an `Error` on what the other end never sends, and whatever `take` throws; the pipe is of no further use then. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.headerBytes < FRAME_HEADER_BYTES) offset = this.readHeader(chunk, offset);
      else offset = this.readPayload(chunk, offset);
    }
  }

  private readHeader(chunk: Buffer, offset: number): number {
    const taken = chunk.copy(this.header, this.headerBytes, offset, offset + FRAME_HEADER_BYTES - this.headerBytes);
    this.headerBytes += taken;
    if (this.headerBytes === FRAME_HEADER_BYTES) {
      this.length = this.header.readUInt32BE(0);
      this.connection = this.header.readUInt32BE(4);
      checkLength(this.connection, this.length);
    }
    return offset + taken;
  }

  private readPayload(chunk: Buffer, offset: number): number {
    const { length } = this;
    const lent = this.scratch !== undefined || this.connection === CONTROL;
    if (lent && this.payload === undefined && chunk.length - offset >= length) {
      this.finish(chunk.subarray(offset, offset + length));
      return offset + length;
    }
    this.payload ??= this.allocate(length);
    const taken = chunk.copy(this.payload, this.payloadBytes, offset, offset + length - this.payloadBytes);
    this.payloadBytes += taken;
    if (this.payloadBytes === length) this.finish(this.payload);
    return offset + taken;
  }

  private allocate(bytes: number): Buffer {
    const { scratch } = this;
    return scratch !== undefined && bytes <= scratch.length ? scratch.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
  }

  private finish(payload: Buffer): void {
    this.payload = undefined;
    this.headerBytes = this.payloadBytes = 0;
    this.take(this.connection, payload);
  }
}

function checkLength(connection: number, length: number): void {
  const most = connection === CONTROL ? MAX_CONTROL_BYTES : MAX_CHANNEL_MESSAGE_BYTES;
  if (length === 0 || length > most) throw new Error(`a frame of ${length} bytes for connection ${connection}`);
}
