const WINDOW_MS = 3 * 60_000;
const MAX_CRASHES = 5;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/** Decides what follows a crash of the engine (ED6): another start after a growing pause, or none after 5 crashes in 3 minutes. */
export class CrashPolicy {
  private crashes: number[] = [];

  /** Records a crash at `now`, Unix milliseconds; the pause before the next start, or `give-up`. */
  crashed(now: number): number | 'give-up' {
    this.crashes = [...this.crashes.filter((time) => now - time < WINDOW_MS), now];
    if (this.crashes.length >= MAX_CRASHES) return 'give-up';
    return Math.min(FIRST_DELAY_MS * 2 ** (this.crashes.length - 1), MAX_DELAY_MS);
  }

  /** A start that the user asked for begins with a clean record. */
  forgive(): void {
    this.crashes = [];
  }
}
