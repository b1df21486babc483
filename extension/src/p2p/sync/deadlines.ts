import type { SyncEffect } from './model.ts';

/**
 * Named deadlines on a clock that is only seen in ticks. A deadline is set relative to now, but events do not carry the time, so
 * setting one asks for a tick at once (`wake` in 0 ms); that tick fixes it, and asks for the one at which the earliest is due.
 */
export class Deadlines<K> {
  private readonly unfixed = new Map<K, number>();
  private readonly fixed = new Map<K, number>();
  private wake: number | undefined;

  set(key: K, inMs: number): void {
    this.fixed.delete(key);
    this.unfixed.set(key, inMs);
    this.wake = 0;
  }

  clear(key: K): void {
    this.unfixed.delete(key);
    this.fixed.delete(key);
  }

  has(key: K): boolean {
    return this.unfixed.has(key) || this.fixed.has(key);
  }

  /** Returns what is due at `now`, in milliseconds of a monotonic clock, and forgets it. */
  tick(now: number): K[] {
    for (const [key, inMs] of this.unfixed) this.fixed.set(key, now + inMs);
    this.unfixed.clear();
    const due = [...this.fixed].filter(([, at]) => at <= now).map(([key]) => key);
    for (const key of due) this.fixed.delete(key);
    this.wake = this.fixed.size === 0 ? undefined : Math.min(...this.fixed.values()) - now;
    return due;
  }

  /** The wake to ask for, once each time it changed. */
  takeWake(): SyncEffect | undefined {
    if (this.wake === undefined) return undefined;
    const inMs = this.wake;
    this.wake = undefined;
    return { type: 'wake', inMs };
  }
}
