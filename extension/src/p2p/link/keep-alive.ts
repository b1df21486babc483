/**
 * Decides whether a peer has gone silent (LI9). Pure: it is told the time and how much was heard, at each tick of a timer.
 *
 * A laptop that wakes finds that hours have passed in which it could hear nothing. So does one that was too busy to run its timers.
 * Such a tick comes far too late; it proves nothing about the peer, and the count starts anew.
 */
export class KeepAlive {
  private readonly intervalMs: number;
  private readonly silenceMs: number;
  private heardAt: number;
  private heardBytes = 0;
  private tickedAt: number;

  constructor(intervalMs: number, silenceMs: number, now: number) {
    this.intervalMs = intervalMs;
    this.silenceMs = silenceMs;
    this.heardAt = now;
    this.tickedAt = now;
  }

  /** `now` in milliseconds, `heardBytes` all that ever came from the peer. True when the peer is silent. */
  tick(now: number, heardBytes: number): boolean {
    const overslept = now - this.tickedAt > 2 * this.intervalMs + this.silenceMs / 4;
    this.tickedAt = now;
    if (overslept || heardBytes !== this.heardBytes) {
      this.heardBytes = heardBytes;
      this.heardAt = now;
      return false;
    }
    return now - this.heardAt >= this.silenceMs;
  }

  /** A new transport has all the time again. */
  restart(now: number): void {
    this.heardAt = now;
    this.tickedAt = now;
  }
}
