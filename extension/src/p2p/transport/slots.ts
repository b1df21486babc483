import { PeerweaveError } from '../../shared/errors.ts';

/** So many at once; the rest wait their turn. */
export class Slots {
  private free: number;
  private closed: PeerweaveError | undefined;
  private readonly waiting = new Set<{ grant: () => void; reject: (error: PeerweaveError) => void }>();

  constructor(count: number) {
    this.free = count;
  }

  /** Resolves to the function that gives the slot back. Rejects with `cancelled`, or what `close` was given. */
  async take(signal?: AbortSignal): Promise<() => void> {
    if (this.closed) throw this.closed;
    if (signal?.aborted) throw cancelled();
    if (this.free > 0) this.free -= 1;
    else await this.wait(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.release();
    };
  }

  close(error: PeerweaveError): void {
    this.closed = error;
    for (const { reject } of this.waiting) reject(error);
    this.waiting.clear();
  }

  private release(): void {
    const [next] = this.waiting;
    if (!next) {
      this.free += 1;
      return;
    }
    this.waiting.delete(next);
    next.grant();
  }

  private wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.waiting.delete(entry);
        reject(cancelled());
      };
      const entry = {
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        reject,
      };
      this.waiting.add(entry);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

const cancelled = (): PeerweaveError => new PeerweaveError('cancelled', 'Waiting for a turn was cancelled.');
