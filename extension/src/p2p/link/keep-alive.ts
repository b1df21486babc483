/** What a link has to show for a living peer, at one moment. */
export interface SignsOfLife {
  /** All bytes that ever came. */
  readonly heard: number;
  /** Counts answers: what comes only from a peer that hears us. */
  readonly answers: number;
  /** Bytes that we sent and the peer has not confirmed. */
  readonly unconfirmed: number;
}

/** So much either way can be in front of a question or its answer, and take its time. */
const QUIET_UNCONFIRMED_BYTES = 16 * 1024;
const QUIET_HEARD_BYTES = 64 * 1024;

/**
 * Decides whether a peer has gone silent (LI9). Pure: it is told the time and the signs of life, at each tick of a timer that also
 * asks for one.
 *
 * Silent is who says nothing; also who speaks and does not answer, on a path that works in one direction only. The latter counts only
 * on a quiet link: an answer waits behind what is being transferred, and a slow path takes longer for that than any deadline.
 *
 * A laptop that wakes finds that hours have passed in which it could hear nothing. So does one that was too busy to run its timers.
 * Such a tick comes far too late; it proves nothing about the peer, and the count starts anew.
 */
export class KeepAlive {
  private readonly intervalMs: number;
  private readonly silenceMs: number;
  private heard = 0;
  private heardAt: number;
  private answers = 0;
  private answeredAt: number;
  /** `heard` when the last answer came. */
  private heardThen = 0;
  private tickedAt: number;

  constructor(intervalMs: number, silenceMs: number, now: number) {
    this.intervalMs = intervalMs;
    this.silenceMs = silenceMs;
    this.heardAt = now;
    this.answeredAt = now;
    this.tickedAt = now;
  }

  /** `now` in milliseconds. True when the peer is silent. */
  tick(now: number, { heard, answers, unconfirmed }: SignsOfLife): boolean {
    const overslept = now - this.tickedAt > 2 * this.intervalMs + this.silenceMs / 4;
    this.tickedAt = now;
    if (overslept || heard !== this.heard) this.heardAt = now;
    this.heard = heard;
    const quiet = heard - this.heardThen < QUIET_HEARD_BYTES && unconfirmed < QUIET_UNCONFIRMED_BYTES;
    if (overslept || answers !== this.answers || !quiet) {
      this.answers = answers;
      this.answeredAt = now;
      this.heardThen = heard;
    }
    return now - this.heardAt >= this.silenceMs || now - this.answeredAt >= this.silenceMs;
  }

  /** A new transport has all the time again. */
  restart(now: number): void {
    this.heardAt = now;
    this.answeredAt = now;
    this.tickedAt = now;
  }
}
