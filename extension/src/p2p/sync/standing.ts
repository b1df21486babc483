import type { Oid } from '../../shared/ids.ts';
import type { BranchStanding } from './model.ts';
import type { Counts, Relate } from './relations.ts';

/** What a branch is planned from, with one peer (SY4). `null` is an absent branch. */
export interface Points {
  /** What both last agreed on. */
  readonly base: Oid | undefined;
  readonly local: Oid | null;
  readonly remote: Oid | null;
  /** Tips that the local branch left, newest last; those that the branch still contains do not matter. */
  readonly left: readonly Oid[];
  /** True when the branch was here and was deleted by the user. */
  readonly deletedHere: boolean;
}

export interface Verdict {
  readonly standing: BranchStanding;
  readonly ahead: number;
  readonly behind: number;
}

/** Plans one branch against one peer; undefined when neither has it. `relate` notes what it could not answer. */
export function standingOf(points: Points, relate: Relate): Verdict | undefined {
  const { base, local, remote } = points;
  if (remote === null) {
    if (local === null) return undefined;
    return verdict(base === undefined ? 'remote-behind' : 'deleted-there');
  }
  if (local === null) return verdict(points.deletedHere ? 'deleted-here' : 'fast-forward');
  if (local === remote) return verdict('equal');

  // Everything that may be needed is looked up at once, so that one batch of questions answers it.
  const counts = relate(local, remote);
  const abandoned = abandonedTips(points, local, relate);
  if (typeof counts === 'string') return verdict('unknown');
  if (counts.behind === 0) return verdict(standingOfBehind(base, local, remote, relate), counts);
  if (abandoned === 'asked') return verdict('unknown', counts);
  if (counts.ahead === 0) return verdict(standingOfAhead(abandoned, remote, relate), counts);
  return verdict(standingOfSplit(abandoned, points, counts, relate), counts);
}

interface Abandoned {
  readonly tip: Oid;
  /** Commits of `tip` that the local branch does not contain. */
  readonly lost: number;
  /** True when the local branch went back along it, and has nothing instead. */
  readonly back: boolean;
}

/**
 * The tips that this branch was moved away from, by a reset, an amend or a rebase. The base counts as one: we agreed on it, so
 * if we do not contain it any more, we left it.
 */
function abandonedTips({ base, left }: Points, local: Oid, relate: Relate): readonly Abandoned[] | 'asked' {
  const abandoned: Abandoned[] = [];
  let asked = false;
  for (const tip of base === undefined ? left : [...left, base]) {
    const counts = relate(tip, local);
    // A tip that was pruned from the repository can come back only from a peer that still has it: then it can be related again.
    if (counts === 'missing') continue;
    if (counts === 'asked') asked = true;
    else if (counts.ahead > 0) abandoned.push({ tip, lost: counts.ahead, back: counts.behind === 0 });
  }
  return asked ? 'asked' : abandoned;
}

/** The remote is an ancestor of ours: it has not caught up yet, or it went back behind what we agreed on (SY7). */
function standingOfBehind(base: Oid | undefined, local: Oid, remote: Oid, relate: Relate): BranchStanding {
  if (base === undefined || base === remote) return 'remote-behind';
  const there = relate(base, remote);
  const here = relate(base, local);
  if (there === 'asked' || here === 'asked') return 'unknown';
  if (there === 'missing' || here === 'missing') return 'remote-behind';
  return there.ahead > here.ahead ? 'rewound-there' : 'remote-behind';
}

/**
 * The remote is a descendant of ours. It is a fast-forward unless it would bring back commits that the user here threw away:
 * not only when the peer still sits at the abandoned tip, but also when it built on it. A user who resets a branch means the
 * commits to be gone; a peer that happened to commit on top before it heard of that must not silently undo the reset. The
 * redo is offered instead (`apply-pending`), and settles it for good, as the branch then contains the abandoned tip again.
 *
 * Ours is contained in the remote, so what the remote brings back of an abandoned tip is a matter of counting.
 */
function standingOfAhead(abandoned: readonly Abandoned[], remote: Oid, relate: Relate): BranchStanding {
  let asked = false;
  for (const { tip, lost } of abandoned) {
    const counts = relate(tip, remote);
    if (counts === 'asked') asked = true;
    else if (counts !== 'missing' && counts.ahead < lost) return 'rewound-here';
  }
  return asked ? 'unknown' : 'fast-forward';
}

/**
 * Neither contains the other. When one side stayed on what the other left, that is a rewrite (amend, rebase) that one side has
 * not followed, and no conflict: merging would bring back what was rewritten. It is one as soon as both have commits of their own; and again
 * when a merge of the two was taken back here, or on both sides, as nothing was rewritten then.
 */
function standingOfSplit(
  abandoned: readonly Abandoned[],
  { base, local, remote }: Points,
  counts: Counts,
  relate: Relate,
): BranchStanding {
  if (local === null || remote === null) return 'unknown';
  let asked = false;
  for (const { tip, back } of abandoned) {
    if (back) continue;
    const stayed = relate(tip, remote);
    if (stayed === 'asked') asked = true;
    else if (stayed !== 'missing' && stayed.behind === 0) return 'rewound-here';
  }
  if (asked) return 'unknown';
  const stayed = base === undefined ? 'missing' : relate(base, local);
  if (stayed === 'asked') return 'unknown';
  if (base !== undefined && stayed !== 'missing' && stayed.behind === 0) {
    const there = relate(base, remote);
    if (there === 'asked') return 'unknown';
    if (there === 'missing' || there.behind > 0) return 'rewound-there';
  }
  if (counts.sameTree) return 'same-tree';
  return counts.patchEqual ? 'patch-equal' : 'diverged';
}

function verdict(standing: BranchStanding, counts?: Counts): Verdict {
  return { standing, ahead: counts?.ahead ?? 0, behind: counts?.behind ?? 0 };
}
