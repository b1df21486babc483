import type { BranchName } from '../../shared/ids.ts';
import type { Strategies, Strategy } from '../sync/strategy.ts';
import type { SessionRecord } from './session-store.ts';

/** More branches than that with a strategy of their own is a session that wants another one. */
const MAX_BRANCHES = 1_000;

/** What was chosen to be done about branches that diverge: for branches, for the session, or else by the setting (D2). */
export class StrategyBook {
  private readonly branches: Map<BranchName, Strategy>;
  private session: Strategy | undefined;
  private setting: Strategy;

  constructor({ strategy, branchStrategies = {} }: SessionRecord, setting: Strategy) {
    this.session = strategy;
    this.branches = new Map(Object.entries(branchStrategies) as [BranchName, Strategy][]);
    this.setting = setting;
  }

  /** What holds now. */
  get current(): Strategies {
    return { session: this.session ?? this.setting, branches: new Map(this.branches) };
  }

  /** What a restart needs. */
  get chosen(): Pick<SessionRecord, 'strategy' | 'branchStrategies'> {
    return { strategy: this.session, branchStrategies: Object.fromEntries(this.branches) };
  }

  applySetting(setting: Strategy): void {
    this.setting = setting;
  }

  /** For a branch, or without one for the session; null takes the choice back. The longest unchanged choice goes when there are too many. */
  choose(branch: BranchName | undefined, strategy: Strategy | null): void {
    if (branch === undefined) {
      this.session = strategy ?? undefined;
      return;
    }
    this.branches.delete(branch);
    if (strategy !== null) this.branches.set(branch, strategy);
    for (const oldest of this.branches.keys()) {
      if (this.branches.size <= MAX_BRANCHES) return;
      this.branches.delete(oldest);
    }
  }
}
