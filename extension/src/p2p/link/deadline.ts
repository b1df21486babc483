import { PeerweaveError } from '../../shared/errors.ts';

/**
 * Runs `work`, calling `abandon` when `signal` fires or `timeoutMs` have passed; `abandon` is expected to make `work` fail. The error
 * then is `cancelled` or `unreachable` with `what` in its message.
 */
export async function withDeadline<T>(
  work: () => Promise<T>,
  {
    signal,
    timeoutMs,
    what,
    abandon,
  }: { signal?: AbortSignal | undefined; timeoutMs: number; what: string; abandon: () => void },
): Promise<T> {
  let reason: PeerweaveError | undefined;
  const stop = (error: PeerweaveError): void => {
    reason ??= error;
    abandon();
  };
  const onAbort = (): void => stop(new PeerweaveError('cancelled', `${what} was cancelled.`));
  const timer = setTimeout(
    () => stop(new PeerweaveError('unreachable', `${what} took longer than ${timeoutMs / 1000} s.`)),
    timeoutMs,
  );
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } catch (error) {
    throw reason ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
