/** Settles as `promise` does, or rejects with `because()` when `signal` fires before; the promise itself goes on. */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  because: () => Error,
): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) throw because();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(because());
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
