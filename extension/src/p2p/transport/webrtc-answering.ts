import type { Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import type { ListenOptions } from './transport.ts';
import type { WebRtcAttempt } from './webrtc-attempt.ts';

/** What strangers in the room can make us do. Past a limit nothing happens to what is under way. */
export interface AnsweringLimits {
  /** Attempts that are not open yet: of one connection of the room, which dials three at once, and of all. */
  readonly perPeer: number;
  readonly total: number;
  /** Milliseconds until one that does not open is given up. */
  readonly unfinishedMs: number;
  /** Offers a second, and how many at once, of one connection; four times as many of all. */
  readonly offersPerSecond: number;
  readonly offersAtOnce: number;
}

export const DEFAULT_ANSWERING_LIMITS: AnsweringLimits = {
  perPeer: 4,
  total: 32,
  unfinishedMs: 15_000,
  offersPerSecond: 4,
  offersAtOnce: 32,
};
const ALL = 4;
/** Connections whose rate is remembered; a room has fewer. */
const MAX_REMEMBERED = 1_024;

/** Takes the offers of others, within limits, and hands what comes of them to whoever listens. */
export class Answering {
  private readonly limits: AnsweringLimits;
  private readonly now: () => number;
  private readonly listeners = new Set<ListenOptions>();
  /** Whose each is. */
  private readonly unfinished = new Map<WebRtcAttempt, string>();
  private readonly rates = new Map<string, RateLimit>();
  private readonly rateOfAll: RateLimit;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(limits: Partial<AnsweringLimits>, now: () => number) {
    this.limits = { ...DEFAULT_ANSWERING_LIMITS, ...limits };
    this.now = now;
    this.rateOfAll = this.rate(ALL);
  }

  listen(options: ListenOptions): Disposable {
    this.listeners.add(options);
    return { dispose: () => this.listeners.delete(options) };
  }

  /** False when an offer of `peer` is one too many to even be refused: a flood is not answered with another. */
  hears(peer: string): boolean {
    let rate = this.rates.get(peer);
    if (rate === undefined) {
      rate = this.rate(1);
      const [oldest] = this.rates.keys();
      if (this.rates.size >= MAX_REMEMBERED && oldest !== undefined) this.rates.delete(oldest);
      this.rates.set(peer, rate);
    }
    return rate.take() && this.rateOfAll.take();
  }

  /** Why no offer of `peer` is taken now; undefined when one is. */
  refusal(peer: string): string | undefined {
    if (this.listeners.size === 0) return 'Nobody listens here.';
    const underWay = [...this.unfinished].filter(([attempt]) => attempt.trying);
    const theirs = underWay.filter(([, each]) => each === peer);
    if (theirs.length >= this.limits.perPeer) return 'Too many attempts of yours are under way.';
    return underWay.length >= this.limits.total ? 'Too many attempts are under way.' : undefined;
  }

  /** Begins an attempt with an offer. */
  take(peer: string, attempt: WebRtcAttempt, sdp: string): void {
    this.unfinished.set(attempt, peer);
    const timer = setTimeout(
      () => attempt.giveUp(new PeerweaveError('unreachable', attempt.whyNot())),
      this.limits.unfinishedMs,
    );
    attempt.pipe.then(
      (pipe) => {
        this.finished(attempt, timer);
        // Whoever listened last, as a later listener of one tier takes the place of an earlier one.
        const listener = [...this.listeners].at(-1);
        if (listener === undefined) pipe.stream.destroy();
        else listener.onPipe(pipe);
      },
      (error: unknown) => {
        this.finished(attempt, timer);
        for (const { onError } of this.listeners) onError?.(new Error(`an offer came to nothing: ${messageOf(error)}`));
      },
    );
    attempt.accept(sdp);
  }

  private finished(attempt: WebRtcAttempt, timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.unfinished.delete(attempt);
  }

  private rate(times: number): RateLimit {
    const { offersPerSecond, offersAtOnce } = this.limits;
    return new RateLimit(offersPerSecond * times, offersAtOnce * times, this.now);
  }
}
