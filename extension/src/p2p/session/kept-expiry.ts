import { asPeerweaveError } from '../../shared/errors.ts';
import { disposable, DisposableStore, type Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import type { Repository } from '../repo/repository.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Lets go of what has been kept for longer than a setting says: when a session begins, daily while it runs, and when the setting changes. */
export class KeptExpiry implements Disposable {
  private readonly repository: Repository;
  private readonly now: () => number;
  private readonly log: Logger;
  private readonly resources = new DisposableStore();
  private days: number;

  /** `days` of 0 keeps for ever. */
  constructor(repository: Repository, days: number, now: () => number, log: Logger) {
    this.repository = repository;
    this.days = days;
    this.now = now;
    this.log = log;
  }

  start(): void {
    const timer = setInterval(() => void this.expire(), DAY_MS);
    timer.unref();
    this.resources.add(disposable(() => clearInterval(timer)));
    void this.expire();
  }

  setDays(days: number): void {
    if (days === this.days) return;
    this.days = days;
    void this.expire();
  }

  /** Never rejects: what cannot be let go now is let go another day. */
  async expire(): Promise<void> {
    if (this.days <= 0) return;
    try {
      const gone = await this.repository.expireKept(Math.floor((this.now() - this.days * DAY_MS) / 1_000));
      for (const { branch, tip } of gone)
        this.log.info(`${tip} of ${branch} was kept for ${this.days} days and is let go`);
    } catch (error) {
      this.log.warn(`Cannot let go of what was kept: ${asPeerweaveError(error).message}`);
    }
  }

  dispose(): void {
    this.resources.dispose();
  }
}
