import { disposable, type Disposable } from '../../shared/disposable.ts';

/** Time as signaling needs it: tests hand in one of their own. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Runs `run` once, `ms` from now, unless the result is disposed before. */
  after(ms: number, run: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return disposable(() => clearTimeout(timer));
  },
};
