/**
 * Sends to the editor whatever becomes of it. An editor that is gone refuses every message, also the one that would report this; the
 * engine notices by its standard input that it has nobody to work for.
 */
export function quietly(send: () => Promise<unknown>): void {
  // A connection that is closed throws instead of rejecting.
  void Promise.resolve()
    .then(send)
    .catch(() => undefined);
}
