import type { BranchName } from '../../shared/ids.ts';

/** What is done by itself about a branch that diverged (D2). */
export type Strategy = 'manual' | 'auto-merge' | 'prefer-local' | 'prefer-remote';

/** The session's strategy, and those of the branches that have their own. */
export interface Strategies {
  readonly session: Strategy;
  readonly branches: ReadonlyMap<BranchName, Strategy>;
}

export const MANUAL: Strategies = { session: 'manual', branches: new Map() };

export const strategyOf = ({ session, branches }: Strategies, branch: BranchName): Strategy =>
  branches.get(branch) ?? session;
