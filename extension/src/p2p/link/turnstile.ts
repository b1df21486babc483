import { deferred } from '../../shared/deferred-promise.ts';

/** Lets one of several concurrent attempts at a time pass a point that may have consequences, and all others only if it fails. */
export class Turnstile {
  private last: Promise<void> = Promise.resolve();

  /**
   * Resolves when all that asked before have left, or have had `patienceMs` each since they entered. Call the result to leave.
   */
  async enter(patienceMs?: number): Promise<() => void> {
    const { promise, resolve } = deferred();
    const before = this.last;
    this.last = before.then(() => promise);
    await before;
    if (patienceMs === undefined) return resolve;
    const timer = setTimeout(resolve, patienceMs);
    return () => {
      clearTimeout(timer);
      resolve();
    };
  }
}
