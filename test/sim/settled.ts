import type { BranchState } from '../../extension/src/p2p/sync/model.ts';
import { strategyOf } from '../../extension/src/p2p/sync/strategy.ts';
import type { BranchName, Oid } from '../../extension/src/shared/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import { allBranches, name } from './properties.ts';
import type { SimEngine } from './sim-engine.ts';
import { hold } from './violation.ts';

/**
 * What strategies must have come to once all are linked and nothing happens any more: a branch that merges cleanly is at the same commit
 * everywhere (CO7), nobody is merging over and over, and whatever lost is kept and whole (CO4).
 */
export function checkSettled(engines: readonly SimEngine[], graph: CommitGraph): void {
  for (const engine of engines) {
    for (const [branch, tips] of engine.repository.kept) {
      for (const tip of tips) {
        hold(engine.repository.hasAll(graph.history(tip)), () => `${name(engine)} kept ${tip} of ${branch} in part`);
      }
    }
    for (const { branch, settling } of engine.core.branches()) {
      hold(settling !== 'gave-up', () => `${name(engine)} merged ${branch} over and over`);
      hold(
        settling !== 'under-way' || waitsForPerson(engine, branch),
        () => `${name(engine)} is not done with ${branch}`,
      );
    }
  }
  for (const branch of simpleBranches(engines)) {
    checkAlike(branch, engines, graph);
    checkMerged(branch, engines, graph);
  }
}

/**
 * What it must have come to once people have settled all that was shown as a conflict: everybody is at the same commit, but for the same
 * changes committed separately, which are no conflict and which nobody who decides by hand has merged.
 */
export function checkAgreed(engines: readonly SimEngine[], graph: CommitGraph): void {
  for (const branch of simpleBranches(engines)) {
    const heads = outermost(tipsOf(branch, engines), graph);
    const apart = heads.some((one) =>
      heads.some((other) => other !== one && graph.relation(one, other).patchEqual !== true),
    );
    hold(!apart, () => `${branch} is shown to be settled, and is not: ${list(heads)}`);
    const behind = engines.filter(({ repository }) => !heads.includes(repository.tip(branch)!));
    hold(heads.length > 1 || behind.length === 0, () => `${branch} has not come to ${behind.map(name).join(' ')}`);
  }
}

/** Branches from which nobody took anything back, that nobody refuses, and that wait for no person. */
const simpleBranches = (engines: readonly SimEngine[]): BranchName[] =>
  allBranches(engines).filter(
    (branch) =>
      !engines.some(
        (engine) =>
          engine.repository.rewritten.has(branch) || refusesAny(engine, engines) || waitsForPerson(engine, branch),
      ),
  );

/** Whatever their strategies, people who have the same files have the same commit (SY9). */
function checkAlike(branch: BranchName, engines: readonly SimEngine[], graph: CommitGraph): void {
  const heads = outermost(tipsOf(branch, engines), graph);
  const trees = new Set(heads.map((head) => graph.treeOf(head)));
  hold(trees.size === heads.length, () => `${branch} has the same files by other commits: ${list(heads)}`);
}

/** Where somebody merges by themselves, what merges is merged. */
function checkMerged(branch: BranchName, engines: readonly SimEngine[], graph: CommitGraph): void {
  const merging = engines.filter(
    ({ strategies, repository }) =>
      strategyOf(strategies, branch) === 'auto-merge' && repository.tip(branch) !== undefined,
  );
  if (merging.length === 0) return;
  const heads = outermost(tipsOf(branch, engines), graph);
  const clean = heads.length > 1 && graph.merge(branch, heads)?.parents.length === heads.length;
  hold(!clean, () => `${branch} would merge and was not: ${list(heads)}`);
  const apart = heads.length === 1 ? engines.filter(({ repository }) => repository.tip(branch) !== heads[0]) : [];
  hold(apart.length === 0, () => `${branch} is settled, but not at ${apart.map(name).join(' ')}`);
}

const tipsOf = (branch: BranchName, engines: readonly SimEngine[]): Oid[] =>
  [...new Set(engines.map(({ repository }) => repository.tip(branch)))].filter((tip) => tip !== undefined);

const list = (heads: readonly Oid[]): string => heads.map((head) => head.slice(0, 6)).join(' ');

const outermost = (tips: readonly Oid[], graph: CommitGraph): Oid[] =>
  tips.filter((tip) => !tips.some((other) => other !== tip && graph.contains(other, tip)));

const refusesAny = (engine: SimEngine, engines: readonly SimEngine[]): boolean =>
  engines.some(({ id }) => (engine.core.peerState(id)?.refused.length ?? 0) > 0);

const waitsForPerson = (engine: SimEngine, branch: BranchName): boolean =>
  stateOf(engine, branch)?.pending !== undefined;

const stateOf = (engine: SimEngine, branch: BranchName): BranchState | undefined =>
  engine.core.branches().find((state) => state.branch === branch);
