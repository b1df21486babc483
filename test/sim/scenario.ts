import type { RefName } from '../../extension/src/shared/ids.ts';
import type { Strategy } from '../../extension/src/p2p/sync/strategy.ts';
import type { Prng } from './prng.ts';
import type { Mishaps } from './sim-world.ts';
import type { Habits } from './sim-user.ts';

/** What a seed plays out. */
export interface Scenario {
  readonly peers: number;
  /** Things that users do, all together, and over how many milliseconds. */
  readonly actions: number;
  readonly durationMs: number;
  readonly maxLatencyMs: number;
  /** How often links drop, peers crash and the network falls apart, in all. */
  readonly drops: number;
  readonly crashes: number;
  readonly partitions: number;
  readonly habits: Habits;
  /** The strategies that each peer may have; one is drawn for each, and sometimes others for its branches. */
  readonly strategies: readonly Strategy[];
  /** How often somebody changes theirs on the way. */
  readonly changesOfMind: number;
  /** How often several people settle the same conflict at the same moment. */
  readonly duels: number;
  readonly mishaps: Mishaps;
  /** Once quiet, people do a few things more. */
  readonly encore: boolean;
  /** Once quiet, people settle what is left, until nothing differs any more. */
  readonly settle: boolean;
}

const CALM: Habits = {
  commit: 10,
  branch: 2,
  checkout: 2,
  deleteBranch: 0,
  reset: 0,
  amend: 0,
  tag: 1,
  deleteTag: 0,
  resolve: 4,
  rebase: 0,
  keepBoth: 0,
  follow: 0,
  undo: 0,
  restoreKept: 0,
  touchWorktree: 0,
  ask: 0.5,
};

const WILD: Habits = {
  ...CALM,
  deleteBranch: 2,
  reset: 2,
  amend: 2,
  deleteTag: 0.5,
  follow: 2,
  undo: 1,
  touchWorktree: 2,
  ask: 2,
};

/** People who settle branches in every way there is, and rewrite nothing besides. */
const SETTLING: Habits = {
  ...CALM,
  resolve: 6,
  rebase: 2,
  keepBoth: 2,
  follow: 3,
  undo: 3,
  restoreKept: 1,
  touchWorktree: 1,
  ask: 1,
};

const STRATEGIES: readonly (readonly Strategy[])[] = [
  ['manual'],
  ['auto-merge'],
  ['auto-merge'],
  ['auto-merge', 'manual'],
  ['prefer-local', 'auto-merge'],
  ['prefer-local', 'prefer-remote'],
  ['manual', 'auto-merge', 'prefer-local', 'prefer-remote'],
];

const HABITS: readonly Habits[] = [CALM, CALM, WILD, WILD, SETTLING, SETTLING];

const NEVER = (): boolean => false;
const isFix = (ref: RefName): boolean => ref === 'refs/heads/fix';

/** Draws a scenario. Each kind of trouble is left out of some, so that what remains is not always hidden behind it. */
export function drawScenario(random: Prng): Scenario {
  const peers = random.pick([2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8]) ?? 2;
  const actions = random.between(6, 70 - peers * 6);
  const often = (most: number): number => (random.chance(0.4) ? 0 : random.between(1, most));
  return {
    peers,
    actions,
    durationMs: random.pick([200, 1_000, 5_000, 30_000]) ?? 1_000,
    maxLatencyMs: random.pick([3, 30, 300]) ?? 30,
    drops: often(6),
    crashes: often(4),
    partitions: often(2),
    habits: random.pick(HABITS) ?? CALM,
    strategies: random.pick(STRATEGIES) ?? ['manual'],
    changesOfMind: often(3),
    duels: often(4),
    mishaps: {
      fetchFails: random.pick([0, 0, 0.1, 0.4]) ?? 0,
      relateMisses: random.pick([0, 0, 0.1]) ?? 0,
      mergeFails: random.pick([0, 0, 0.3]) ?? 0,
      watchMisses: random.pick([0, 0.2]) ?? 0,
      lazyPersist: random.chance(0.1),
      refuses: random.chance(0.1) ? isFix : NEVER,
    },
    encore: random.chance(0.6),
    settle: random.chance(0.5),
  };
}
