import { deferred } from '../../shared/deferred-promise.ts';
import type { Clock } from './clock.ts';

/**
 * Starts `attempts` in order, each when the one before has failed or had `headStartMs`, as RFC 8305 does with addresses. Resolves with the
 * first that succeeds and aborts the others; rejects with all errors, in order, when none does, or early ones when `signal` fires.
 */
export async function staggered<T>(
  attempts: readonly ((signal: AbortSignal) => Promise<T>)[],
  { headStartMs, clock, signal }: { headStartMs: number; clock: Clock; signal: AbortSignal },
): Promise<T> {
  const settled = new AbortController();
  const abort = AbortSignal.any([signal, settled.signal]);
  const result = deferred<T>();
  const errors: unknown[] = [];
  let started = 0;
  let failed = 0;
  let timer = clock.after(0, () => undefined);
  const startNext = (): void => {
    timer.dispose();
    const index = started;
    const attempt = attempts[index];
    if (attempt === undefined || abort.aborted) return;
    started += 1;
    timer = clock.after(headStartMs, startNext);
    attempt(abort).then(result.resolve, (error: unknown) => {
      errors[index] = error;
      failed += 1;
      if (failed === attempts.length || (abort.aborted && failed === started)) {
        result.reject(new AggregateError(errors, 'All attempts failed.'));
      } else {
        startNext();
      }
    });
  };
  startNext();
  try {
    return await result.promise;
  } finally {
    timer.dispose();
    settled.abort();
  }
}
