import { PeerweaveError } from '../../shared/errors.ts';
import type { BranchName, Oid } from '../../shared/ids.ts';
import type { KeptTip } from '../repo/merge.ts';
import type { Repository } from '../repo/repository.ts';
import type { Strategy } from '../sync/strategy.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import type { Resolving } from './conflict-views.ts';
import { describeRefusal } from './refusal-text.ts';
import type { StrategyBook } from './strategy-book.ts';
import type { SyncDriver } from './sync-driver.ts';

/** What a conflict desk needs of the session around it. */
export interface ConflictDeskParts {
  readonly repository: Repository;
  readonly core: SyncCore;
  readonly driver: SyncDriver;
  readonly strategies: StrategyBook;
  /** Saves the session's record. */
  readonly save: () => Promise<void>;
}

/** Where people look at what diverged in a session, and settle it. */
export class ConflictDesk {
  private readonly parts: ConflictDeskParts;

  constructor(parts: ConflictDeskParts) {
    this.parts = parts;
  }

  /** Who is at a branch's conflict now (D8). */
  readonly resolving: Resolving = () => [];

  /** Chooses what is done by itself, for a branch or the session; acts at once and survives a restart (D2). */
  async choose(branch: BranchName | undefined, strategy: Strategy | null): Promise<void> {
    const { strategies, driver, save } = this.parts;
    strategies.choose(branch, strategy);
    driver.handle({ type: 'strategies', strategies: strategies.current });
    await save();
  }

  /** Tips that lost to another and are kept (CO4), newest first. */
  kept(): Promise<KeptTip[]> {
    return this.parts.repository.keptTips();
  }

  /** Makes a kept tip a branch of its own. Throws `bad-request` when it is not kept, `move-refused` when there can be no such branch. */
  async restore(tip: Oid, name: BranchName): Promise<void> {
    const { repository, driver } = this.parts;
    const kept = (await repository.keptTips()).find((one) => one.tip === tip);
    if (kept === undefined) throw new PeerweaveError('bad-request', `${tip.slice(0, 10)} is not kept.`);
    const result = await repository.restoreKept(kept, name);
    if (!result.moved) {
      const why =
        result.refusal.kind === 'ref-moved' ? 'there is a branch of that name' : describeRefusal(result.refusal);
      throw new PeerweaveError('move-refused', `${name} was not made: ${why}.`);
    }
    await driver.refresh();
  }
}
