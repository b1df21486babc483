import type { Event } from '../../shared/events.ts';

/** One side's way into a meeting: numbered frames to and from the other side. Neither the server nor the way there is trusted with them. */
export interface FrameChannel {
  /** The most that one frame carries. */
  readonly maxFrameBytes: number;
  /** Sends frame number `sequence`, made of `parts`. Nothing happens on a closed channel. */
  send(sequence: number, parts: readonly Uint8Array[]): void;
  /** Sent and still in this machine. Counts what other meetings on the same connection sent, which leaves it no earlier. */
  readonly queuedBytes: number;
  readonly lowWaterBytes: number;
  /** Fires when `queuedBytes` has fallen to or below `lowWaterBytes`. */
  readonly onLow: Event<void>;
  /** Both sides are there: what is sent from now on reaches the other. Fires once. */
  readonly onReady: Event<void>;
  readonly onFrame: Event<{ readonly sequence: number; readonly data: Uint8Array }>;
  /** Fires once; an error when it was not us who closed it. */
  readonly onClosed: Event<Error | undefined>;
  close(): void;
}
