import type { BranchName } from '../../shared/ids.ts';
import type { Refs, SyncEffect } from './model.ts';

/** What is announced: handed out only when it is sent, as it is copied for that. */
export interface Announcement {
  readonly refs: Refs;
  readonly head: BranchName | undefined;
}

/** Gathers the effects of one event and puts them in the order to start them. */
export class Outbox {
  private effects: SyncEffect[] = [];
  private unsaved = false;
  private branchesChanged = false;
  /** Stays over events: `later` waits until the moves that are out are answered; their refs then go out in one manifest. */
  private announcing: 'no' | 'later' | 'now' = 'no';

  add(effect: SyncEffect): void {
    this.effects.push(effect);
  }

  addAll(effects: Iterable<SyncEffect>): void {
    for (const effect of effects) this.effects.push(effect);
  }

  /** Something changed that a restart needs. */
  save(): void {
    this.unsaved = true;
  }

  showBranches(): void {
    this.branchesChanged = true;
  }

  announce(when: 'later' | 'now'): void {
    if (this.announcing !== 'now') this.announcing = when;
  }

  /**
   * The effects, which are then forgotten: first what must be on disk before anyone hears of it, then what others wait for, then what
   * this side does, then what only tells.
   */
  take(movesOut: boolean, announcement: () => Announcement): SyncEffect[] {
    const effects: SyncEffect[] = [];
    if (this.unsaved) effects.push({ type: 'persist' });
    if (this.announcing === 'now' || (this.announcing === 'later' && !movesOut)) {
      effects.push({ type: 'announce', ...announcement() });
      this.announcing = 'no';
    }
    const rest: SyncEffect[] = this.branchesChanged ? [{ type: 'branches-changed' }] : [];
    const all = effects.concat(this.effects, rest);
    this.effects = [];
    this.unsaved = false;
    this.branchesChanged = false;
    return all;
  }
}
