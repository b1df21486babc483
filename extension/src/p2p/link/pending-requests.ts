import { PeerweaveError } from '../../shared/errors.ts';
import type { Incoming } from './json-rpc.ts';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: PeerweaveError): void;
}

/** The requests that wait for an answer. Each ends: by its answer, its timeout, its signal or the end of the link. */
export class PendingRequests {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;

  /** `answer` rejects with `timeout`, `cancelled`, the peer's reason, or what `rejectAll` is given. */
  add(method: string, timeoutMs: number, signal?: AbortSignal): { id: number; answer: Promise<unknown> } {
    const id = this.nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      const settled = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.waiting.delete(id);
      };
      const fail = (error: PeerweaveError): void => {
        settled();
        reject(error);
      };
      const onAbort = (): void => fail(new PeerweaveError('cancelled', `"${method}" was cancelled.`));
      const timer = setTimeout(
        () => fail(new PeerweaveError('timeout', `The peer did not answer "${method}" in ${timeoutMs} ms.`)),
        timeoutMs,
      );
      this.waiting.set(id, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: fail,
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
    // A caller that gives up on the promise must not turn its rejection into the end of the process.
    answer.catch(() => undefined);
    return { id, answer };
  }

  /** An answer to nothing is one that came too late. */
  settle(incoming: Incoming & { kind: 'result' | 'error' }): void {
    const waiting = this.waiting.get(incoming.id);
    if (incoming.kind === 'result') waiting?.resolve(incoming.result);
    else waiting?.reject(incoming.error);
  }

  rejectAll(error: PeerweaveError): void {
    for (const waiting of [...this.waiting.values()]) waiting.reject(error);
  }
}
