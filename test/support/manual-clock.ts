import type { Clock } from '../../extension/src/p2p/signaling/clock.ts';
import { disposable, type Disposable } from '../../extension/src/shared/disposable.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  private readonly timers = new Set<Timer>();
  private time = 0;

  /** Timers that are set. */
  get pending(): number {
    return this.timers.size;
  }

  /** Milliseconds until the next timer. */
  get untilNext(): number {
    return Math.min(...[...this.timers].map(({ at }) => at)) - this.time;
  }

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): Disposable {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return disposable(() => this.timers.delete(timer));
  }

  /** Lets `ms` pass, and whatever was begun by promises settle around each timer. */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms;
    await settle();
    for (let next = this.dueBy(until); next !== undefined; next = this.dueBy(until)) {
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
      await settle();
    }
    this.time = until;
  }

  private dueBy(until: number): Timer | undefined {
    const due = [...this.timers].filter(({ at }) => at <= until);
    return due.sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets promises that wait for nothing but each other settle. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
