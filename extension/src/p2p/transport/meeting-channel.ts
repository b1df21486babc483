import { Emitter } from '../../shared/events.ts';
import type { Meeting } from '../signaling/signaling.ts';
import type { FrameChannel } from './frame-channel.ts';
import { corrupt } from './relay-seal.ts';

/** Below it, whoever waits for the socket goes on: enough to keep it busy until then. */
export const LOW_WATER_BYTES = 64 * 1024;

/** How the frames of a tier travel on a WebSocket. */
export interface FrameCodec {
  /** The most that a frame carries. */
  readonly maxFrameBytes: number;
  /** One WebSocket message: binary, or text. */
  encode(meeting: Meeting, sequence: number, parts: readonly Uint8Array[]): Buffer | string;
}

/** A connection to a server, for one of its meetings. */
export interface MeetingWay {
  /** Of all its meetings. */
  readonly queuedBytes: number;
  readonly windowBytes: number;
  sendFrame(message: Buffer | string): void;
  /** Called by a channel that was closed on this side. */
  leave(session: string): void;
}

/** One meeting's way on a connection. */
export class MeetingChannel implements FrameChannel {
  readonly maxFrameBytes: number;
  readonly lowWaterBytes = LOW_WATER_BYTES;
  private readonly connection: MeetingWay;
  private readonly meeting: Meeting;
  private readonly codec: FrameCodec;
  private readonly ready = new Emitter<void>();
  private readonly frame = new Emitter<{ sequence: number; data: Uint8Array }>();
  private readonly closing = new Emitter<Error | undefined>();
  private readonly low = new Emitter<void>();
  private started = false;
  private paused = false;
  private closed = false;

  constructor(connection: MeetingWay, meeting: Meeting, codec: FrameCodec) {
    this.connection = connection;
    this.meeting = meeting;
    this.codec = codec;
    this.maxFrameBytes = codec.maxFrameBytes;
  }

  readonly onLow = this.low.event;
  readonly onReady = this.ready.event;
  readonly onFrame = this.frame.event;
  readonly onClosed = this.closing.event;

  get queuedBytes(): number {
    return this.paused ? Infinity : this.connection.queuedBytes;
  }

  get windowBytes(): number {
    return this.connection.windowBytes;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.goOn();
  }

  /** The connection has room again. */
  goOn(): void {
    if (!this.closed && !this.paused && this.connection.queuedBytes <= LOW_WATER_BYTES) this.low.fire();
  }

  send(sequence: number, parts: readonly Uint8Array[]): void {
    if (!this.closed) this.connection.sendFrame(this.codec.encode(this.meeting, sequence, parts));
  }

  close(): void {
    if (this.closed) return;
    this.end(undefined);
    this.connection.leave(this.meeting.session);
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    this.ready.fire();
  }

  receive(peer: string, sequence: number, data: Uint8Array): void {
    if (peer === this.meeting.with.peer) return this.frame.fire({ sequence, data });
    this.end(corrupt('came from somebody who is not in the meeting'));
    this.connection.leave(this.meeting.session);
  }

  end(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.closing.fire(error);
  }
}
