import type { Event } from '../../shared/events.ts';

/** One side's way into a meeting: numbered frames to and from the other side. Neither the server nor the way there is trusted with them. */
export interface FrameChannel {
  /** The most that one frame carries. */
  readonly maxFrameBytes: number;
  /** Sends frame number `sequence`, made of `parts`. Nothing happens on a closed channel. */
  send(sequence: number, parts: readonly Uint8Array[]): void;
  /**
   * Sent and still in this machine. Counts what other meetings on the same connection sent, which leaves it no earlier. Infinity while the
   * server asks for a pause: what is sent nonetheless should be little.
   */
  readonly queuedBytes: number;
  readonly lowWaterBytes: number;
  /** Fires when `queuedBytes` has fallen to or below `lowWaterBytes`. */
  readonly onLow: Event<void>;
  /** What the other side may have under way to us, now: less when many meetings share the way here. */
  readonly windowBytes: number;
  /** Both sides are there: what is sent from now on reaches the other. Fires once. */
  readonly onReady: Event<void>;
  readonly onFrame: Event<{ readonly sequence: number; readonly data: Uint8Array }>;
  /** Fires once; an error when it was not us who closed it. */
  readonly onClosed: Event<Error | undefined>;
  close(): void;
}
