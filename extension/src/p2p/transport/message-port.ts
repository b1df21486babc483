import type { Event } from '../../shared/events.ts';

/**
 * A way to hand whole messages to the other end, in order: a data channel, or a meeting on a relay. It has no flow control end to end, no
 * half-close and no limit on what it queues; `messageStream` makes a stream with all of these of it.
 */
export interface MessagePort {
  /** The largest message, in bytes. */
  readonly maxMessageBytes: number;
  /** Takes over `message` and may queue it. Nothing happens on a closed port. */
  send(message: Uint8Array): void;
  /** Sent and still in this machine; Infinity while nothing more should be sent. */
  readonly queuedBytes: number;
  /** Fires when `queuedBytes` has fallen to or below `lowWaterBytes`. */
  readonly onLow: Event<void>;
  readonly lowWaterBytes: number;
  /** What the other side may have under way to us, now; as much as a stream takes when absent. */
  readonly windowBytes?: number;
  readonly onMessage: Event<Uint8Array>;
  /** Fires once; an error when it was not us who closed it. */
  readonly onClosed: Event<Error | undefined>;
  close(): void;
}
