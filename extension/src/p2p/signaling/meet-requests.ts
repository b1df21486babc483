import { deferred, type Deferred } from '../../shared/deferred-promise.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { Clock } from './clock.ts';
import type { Meeting } from './signaling.ts';

const MAX_PENDING = 64;

/** Meetings asked for on one connection and not answered yet. */
export class MeetRequests {
  private readonly pending = new Map<number, { readonly peer: string; readonly answer: Deferred<Meeting> }>();
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private next = 0;

  constructor(clock: Clock, timeoutMs: number) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
  }

  /**
   * A meeting with the connection `peer`; `send` sends the request with that number. Rejects with what `refuse` says, with `unreachable` in
   * the end, or `cancelled`.
   */
  async ask(peer: string, send: (request: number) => void, signal: AbortSignal | undefined): Promise<Meeting> {
    if (signal?.aborted) throw cancelled();
    if (this.pending.size >= MAX_PENDING) {
      throw new PeerweaveError('rate-limited', 'Too many meetings are being asked for. Try again in a moment.');
    }
    const request = this.next++;
    const answer = deferred<Meeting>();
    this.pending.set(request, { peer, answer });
    const timer = this.clock.after(this.timeoutMs, () => answer.reject(unanswered()));
    const onAbort = (): void => answer.reject(cancelled());
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      send(request);
      return await answer.promise;
    } finally {
      timer.dispose();
      signal?.removeEventListener('abort', onAbort);
      this.pending.delete(request);
    }
  }

  /** Nothing happens when nobody waits for that number any more. */
  answer(request: number, meeting: Meeting): void {
    const asked = this.pending.get(request);
    if (asked?.peer === meeting.with.peer) asked.answer.resolve(meeting);
    else
      asked?.answer.reject(
        new PeerweaveError('unreachable', 'The signaling server arranged a meeting with somebody else.'),
      );
  }

  refuse(request: number, error: PeerweaveError): void {
    this.pending.get(request)?.answer.reject(error);
  }

  refuseAll(error: PeerweaveError): void {
    for (const { answer } of this.pending.values()) answer.reject(error);
  }
}

const unanswered = (): PeerweaveError =>
  new PeerweaveError('unreachable', 'The signaling server did not arrange the meeting in time.');
const cancelled = (): PeerweaveError => new PeerweaveError('cancelled', 'Asking for a meeting was cancelled.');
