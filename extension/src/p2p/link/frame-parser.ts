import {
  CONTROL_PAYLOAD_BYTES,
  FRAME_ACK,
  FRAME_DATA,
  FRAME_HEADER_BYTES,
  FRAME_PING,
  FRAME_PONG,
  MAX_FRAME_BYTES,
} from './resume-wire.ts';

export interface FrameHandler {
  /** Part of a data frame, in order; a frame may come in many parts. */
  data(bytes: Buffer): void;
  control(type: number, value: number): void;
}

/** Takes a transport's bytes apart, holding no more than one header or one control payload. */
export class FrameParser {
  private readonly handler: FrameHandler;
  private readonly scratch = Buffer.allocUnsafe(CONTROL_PAYLOAD_BYTES);
  private filled = 0;
  private type: number | undefined;
  private remaining = 0;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  /** Throws an `Error` on a frame that no honest peer sends; the transport is then of no further use. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.type === undefined) offset = this.header(chunk, offset);
      else if (this.type === FRAME_DATA) offset = this.data(chunk, offset);
      else offset = this.control(this.type, chunk, offset);
    }
  }

  private header(chunk: Buffer, offset: number): number {
    const next = this.collect(chunk, offset, FRAME_HEADER_BYTES);
    if (this.filled < FRAME_HEADER_BYTES) return next;
    this.filled = 0;
    const type = this.scratch.readUInt8(0);
    const length = this.scratch.readUIntBE(1, 3);
    if (type === FRAME_DATA ? length > MAX_FRAME_BYTES : length !== CONTROL_PAYLOAD_BYTES) {
      throw new Error(`frame of type ${type} with ${length} bytes`);
    }
    if (type !== FRAME_DATA && type !== FRAME_ACK && type !== FRAME_PING && type !== FRAME_PONG) {
      throw new Error(`frame of unknown type ${type}`);
    }
    this.remaining = length;
    this.type = length === 0 ? undefined : type;
    return next;
  }

  private data(chunk: Buffer, offset: number): number {
    const part = chunk.subarray(offset, offset + this.remaining);
    this.remaining -= part.length;
    if (this.remaining === 0) this.type = undefined;
    this.handler.data(part);
    return offset + part.length;
  }

  private control(type: number, chunk: Buffer, offset: number): number {
    const next = this.collect(chunk, offset, CONTROL_PAYLOAD_BYTES);
    if (this.filled < CONTROL_PAYLOAD_BYTES) return next;
    this.filled = 0;
    this.type = undefined;
    this.handler.control(type, Number(this.scratch.readBigUInt64BE(0)));
    return next;
  }

  private collect(chunk: Buffer, offset: number, wanted: number): number {
    const taken = chunk.copy(this.scratch, this.filled, offset, offset + wanted - this.filled);
    this.filled += taken;
    return offset + taken;
  }
}
