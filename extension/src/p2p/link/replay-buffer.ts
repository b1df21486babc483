import { dataFrame, FRAME_HEADER_BYTES } from './resume-wire.ts';

/** The bytes that were sent and not yet acknowledged, kept as the frames they went out in, to send again on another transport. */
export class ReplayBuffer {
  private frames: Buffer[] = [];
  /** Position in the stream of the first byte held. */
  private start = 0;
  /** Position after the last byte held: all that was ever sent. */
  private end = 0;
  private confirmed = 0;

  get sent(): number {
    return this.end;
  }

  /** Position up to which the other side is known to have all. */
  get acknowledged(): number {
    return this.confirmed;
  }

  get unacknowledged(): number {
    return this.end - this.confirmed;
  }

  /** Keeps a copy of `data` and returns it as a frame to send. */
  append(data: Uint8Array): Buffer {
    const frame = dataFrame(data);
    this.frames.push(frame);
    this.end += data.length;
    return frame;
  }

  /** Forgets what the other side has. False when it claims to have what was never sent. */
  acknowledge(received: number): boolean {
    if (received > this.end) return false;
    // Acknowledgements of one transport may arrive after a resume has told more.
    if (received <= this.confirmed) return true;
    this.confirmed = received;
    let done = 0;
    for (const frame of this.frames) {
      const length = frame.length - FRAME_HEADER_BYTES;
      if (this.start + length > received) break;
      this.start += length;
      done += 1;
    }
    this.frames.splice(0, done);
    return true;
  }

  /** The frames that bring the other side from `received` to here; undefined when that position is not held any more. */
  from(received: number): Buffer[] | undefined {
    if (received < this.confirmed || received > this.end) return undefined;
    const frames: Buffer[] = [];
    let at = this.start;
    for (const frame of this.frames) {
      const payload = frame.subarray(FRAME_HEADER_BYTES);
      const skip = Math.max(0, received - at);
      if (skip === 0) frames.push(frame);
      else if (skip < payload.length) frames.push(dataFrame(payload.subarray(skip)));
      at += payload.length;
    }
    return frames;
  }

  clear(): void {
    this.frames = [];
    this.start = this.end;
    this.confirmed = this.end;
  }
}
