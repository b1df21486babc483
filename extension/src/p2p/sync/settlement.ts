import type { Oid, PeerId } from '../../shared/ids.ts';
import { outermostSides } from './conflict.ts';
import type { BranchStanding, ConflictCandidate, PeerStanding } from './model.ts';
import type { Relate } from './relations.ts';
import type { Strategy } from './strategy.ts';

/** Heads that are settled by themselves at once. More people than that at odds on one branch is for people. */
const MAX_HEADS = 16;

/** A merge that this side made of a branch: these heads became that commit. */
export interface Settled {
  readonly heads: readonly Oid[];
  readonly commit: Oid;
}

/** How a branch that diverged is to be settled. */
export interface Settlement {
  /** Every side, sorted by id: the same for everybody who knows the same sides. */
  readonly heads: readonly Oid[];
  /** The side that wins whole; undefined to merge files. */
  readonly take: Oid | undefined;
  /** Sides that lose, and are kept before (CO4). */
  readonly keep: readonly Oid[];
  /** Which of the heads is ours: everybody knows who is to begin, and the others give them a little time. */
  readonly turn: number;
  /** Whose side it is settled with, for the words. */
  readonly peer: PeerId;
  /** Whether the merge that was made of it, if any, would bring back what the user here took back. */
  readonly bringsBack: boolean | 'asked';
}

/**
 * Why a strategy leaves a conflict to people. `rewritten`: a side took back what both had, and merging would undo that. `opposed`: a peer
 * has settled the same sides in another way, and would again. `too-many`: more sides than a machine should settle.
 */
export type Blocked = 'rewritten' | 'opposed' | 'too-many';

/** `asked` while it cannot be told yet; undefined when there is nothing to settle, or not before the branch has moved forward. */
export type Planned = Settlement | Blocked | 'asked' | undefined;

/** What a settlement is planned from. */
export interface Situation {
  readonly strategy: Strategy;
  readonly local: Oid | null;
  readonly standings: readonly PeerStanding[];
  /** Tips that the user moved the branch away from. */
  readonly left: readonly Oid[];
  /** What was settled here before, newest last. */
  readonly settled: readonly Settled[];
  /** The merge that was made to settle it. */
  readonly merge: Oid | undefined;
  /** Settlements that came to nothing, by `settlementKey`. */
  readonly vain: { has(key: string): boolean };
}

/** What tells one settlement of a branch from another. */
export const settlementKey = ({ heads, take }: Pick<Settlement, 'heads' | 'take'>): string =>
  [take ?? '', ...heads].join(' ');

/** Besides these, tips that are no conflict but are not the same commit either: settling them brings everybody to one (CO7). */
const APART: ReadonlySet<BranchStanding> = new Set(['diverged', 'same-tree', 'patch-equal']);
/** The same files by other commits, as by two people who settled a conflict alike: nothing is left for anybody to decide. */
const ALIKE: ReadonlySet<BranchStanding> = new Set(['same-tree']);

/**
 * How the branch is settled: as its strategy says. Where that leaves it to people, sides that have the same files become one commit all the
 * same, so that people have fewer of them to look at (SY9).
 */
export function planSettlement(situation: Situation, relate: Relate): Planned {
  const { strategy, standings } = situation;
  if (!standings.some(({ standing }) => APART.has(standing))) return undefined;
  if (standings.some(({ standing }) => standing === 'fast-forward')) return undefined;
  const chosen = strategy === 'manual' ? undefined : planApart(situation, APART, relate);
  if (chosen === 'asked' || (typeof chosen === 'object' && !situation.vain.has(settlementKey(chosen)))) return chosen;
  const alike = planApart({ ...situation, strategy: 'auto-merge' }, ALIKE, relate);
  if (typeof alike === 'object' && !situation.vain.has(settlementKey(alike))) return alike;
  return alike === 'asked' ? alike : chosen;
}

/** Settles the sides that stand to ours in one of these ways; the others stay as they are. */
function planApart(situation: Situation, ways: ReadonlySet<BranchStanding>, relate: Relate): Planned {
  const { strategy, local, standings } = situation;
  const apart = standings.filter(({ standing }) => ways.has(standing));
  const [first] = apart;
  if (first === undefined || local === null) return undefined;
  if (standings.some(({ standing }) => standing === 'unknown')) return 'asked';
  const sides = outermostSides(local, standings, new Set<BranchStanding>(['equal', 'remote-behind', ...ways]), relate);
  if (sides === 'asked') return 'asked';
  if (sides.length < 2) return undefined;
  if (sides.length > MAX_HEADS) return 'too-many';
  const heads = sides.map(({ tip }) => tip).sort();
  // All at once, so that one batch of questions answers it.
  const checks = [hasTakenBack(local, apart, relate), isOpposed(situation, local, heads, relate)];
  if (checks.includes('asked')) return 'asked';
  if (checks[0] === true) return 'rewritten';
  const merges = strategy === 'auto-merge' || apart.every(({ standing }) => standing !== 'diverged');
  if (!merges && checks[1] === true) return 'opposed';
  const take = merges ? undefined : strategy === 'prefer-local' ? local : heads.find((head) => head !== local);
  const keep = take === undefined ? [] : heads.filter((head) => head !== take);
  return {
    heads,
    take,
    keep,
    turn: heads.indexOf(local),
    peer: ownerAmong(sides) ?? first.peer,
    bringsBack: bringsBack(situation, local, relate),
  };
}

const ownerAmong = (sides: readonly ConflictCandidate[]): PeerId | undefined =>
  sides.flatMap(({ owners }) => owners).find((owner) => owner !== null);

/**
 * True when we or a peer are not at what both agreed on any more: one took it back, and has gone on elsewhere. Merging would bring it back,
 * which nobody has asked for.
 */
function hasTakenBack(local: Oid, apart: readonly PeerStanding[], relate: Relate): boolean | 'asked' {
  return any(
    apart.flatMap(({ base, remote }) =>
      base === null || remote === null ? [] : [lacks(base, local, relate), lacks(base, remote, relate)],
    ),
  );
}

/**
 * The same for all else that the user here took back, looked for in the merge itself: ours is contained in it, so what it brings back of an
 * abandoned tip is a matter of counting.
 */
function bringsBack({ left, merge }: Situation, local: Oid, relate: Relate): boolean | 'asked' {
  if (merge === undefined) return false;
  return any(
    left.map((tip) => {
      const [lost, there] = [relate(tip, local), relate(tip, merge)];
      if (lost === 'asked' || there === 'asked') return 'asked';
      return typeof lost === 'object' && typeof there === 'object' && there.ahead < lost.ahead;
    }),
  );
}

/**
 * True when a peer's side is another settlement of what was settled here: it contains all that our merge had for its heads, and not our
 * merge. Two sides that each prefer their own would go on for ever.
 */
function isOpposed({ settled }: Situation, local: Oid, heads: readonly Oid[], relate: Relate): boolean | 'asked' {
  const answers: (boolean | 'asked')[] = [];
  for (const { heads: before, commit } of settled) {
    const gone = lacks(commit, local, relate);
    if (gone === true) continue;
    for (const head of heads) {
      if (head === local) continue;
      const lacking = any(before.map((parent) => lacks(parent, head, relate)));
      const without = lacks(commit, head, relate);
      answers.push(gone === 'asked' || lacking === 'asked' || without === 'asked' ? 'asked' : !lacking && without);
    }
  }
  return any(answers);
}

/** True when `tip` does not contain `commit`. One that was pruned counts as contained: nothing can be said of it. */
function lacks(commit: Oid, tip: Oid, relate: Relate): boolean | 'asked' {
  const counts = relate(commit, tip);
  return counts === 'asked' ? 'asked' : counts !== 'missing' && counts.ahead > 0;
}

/** True wins over `asked`, which wins over false: but for the question that is out, everything is asked at once. */
function any(answers: readonly (boolean | 'asked')[]): boolean | 'asked' {
  return answers.includes(true) || (answers.includes('asked') ? 'asked' : false);
}
