import { deferred } from '../../shared/deferred-promise.ts';

/** Lets one of several concurrent attempts at a time pass a point that may have consequences, and all others only if it fails. */
export class Turnstile {
  private last: Promise<void> = Promise.resolve();

  /** Resolves when all that asked before have left. Call the result to leave. */
  async enter(): Promise<() => void> {
    const { promise, resolve } = deferred();
    const before = this.last;
    this.last = before.then(() => promise);
    await before;
    return resolve;
  }
}

/**
 * Runs all attempts at once. Resolves to the first success and aborts the others; rejects with an `AggregateError` when all fail.
 * A success that comes too late is handed to `discard`.
 */
export async function raceAttempts<T>(
  attempts: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal | undefined,
  discard: (late: T) => void,
): Promise<T> {
  const others = new AbortController();
  const both = signal ? AbortSignal.any([signal, others.signal]) : others.signal;
  let won = false;
  try {
    return await Promise.any(
      attempts.map(async (attempt) => {
        const result = await attempt(both);
        if (won) discard(result);
        won = true;
        return result;
      }),
    );
  } finally {
    others.abort();
  }
}
