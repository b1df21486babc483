import type { ConflictView, SessionView } from '../../rpc/model.ts';
import { needsPeople } from '../../rpc/needs-people.ts';
import type { BranchName, PeerId } from '../../shared/ids.ts';
import { branchConflicts, type BranchConflict } from '../sync/branch-conflicts.ts';
import type { BranchState } from '../sync/model.ts';
import { strategyOf, type Strategies } from '../sync/strategy.ts';

export type NameOf = (peer: PeerId) => string;

/** Who is at a branch's conflict now (D8); `since` in Unix milliseconds. */
export type Resolving = (branch: BranchName) => readonly { readonly name: string; readonly since: number }[];

/** What is around the branches of a session. */
export interface ConflictSurroundings {
  readonly self: PeerId;
  readonly nameOf: NameOf;
  readonly strategies: Strategies;
  readonly resolving: Resolving;
}

/** Conflicts that the views get, in every state they are sent: nobody looks through more, and a peer that floods must not slow them down. */
const MAX_SHOWN = 500;

/**
 * Everything that people have to look at, as the views show it, and how much more there is. Of too many, what waits for people comes first,
 * then what else blocks a branch.
 */
export function conflictViews(
  branches: readonly BranchState[],
  around: ConflictSurroundings,
): Pick<SessionView, 'conflicts' | 'moreConflicts'> {
  const found = branchConflicts(branches);
  const view = (conflict: BranchConflict): ConflictView => conflictView(conflict, around);
  if (found.length <= MAX_SHOWN) return { conflicts: found.map(view) };
  const diverged = found.filter(({ kind }) => kind === 'diverged');
  const waiting = new Set(diverged.filter((conflict) => waitsForPeople(conflict, around)));
  const others = found.filter(({ kind }) => kind !== 'diverged');
  const inOrder = [...waiting, ...diverged.filter((conflict) => !waiting.has(conflict)), ...others];
  const beyond = (number: number): number => Math.max(0, number - MAX_SHOWN);
  return {
    conflicts: inOrder.slice(0, MAX_SHOWN).map(view),
    moreConflicts: { all: beyond(found.length), diverged: beyond(diverged.length), toSettle: beyond(waiting.size) },
  };
}

function waitsForPeople(conflict: BranchConflict, { strategies }: ConflictSurroundings): boolean {
  const { kind, branch } = conflict;
  const settling = kind === 'diverged' ? conflict.settling : undefined;
  return needsPeople({ kind, strategy: strategyOf(strategies, branch), settling });
}

/** How many branches have diverged from each peer; those from whom none has are not in it. */
export function divergedByPeer(branches: readonly BranchState[]): ReadonlyMap<PeerId, number> {
  const diverged = new Map<PeerId, number>();
  for (const { conflict, peers } of branches) {
    if (conflict === undefined) continue;
    for (const { peer, standing } of peers) {
      if (standing === 'diverged') diverged.set(peer, (diverged.get(peer) ?? 0) + 1);
    }
  }
  return diverged;
}

/** One of them. */
export function conflictView(
  conflict: BranchConflict,
  { self, nameOf, strategies, resolving }: ConflictSurroundings,
): ConflictView {
  const { kind, branch, bases, candidates } = conflict;
  return {
    kind,
    branch,
    bases: [...bases],
    candidates: candidates.map(({ tip, owners }) => ({
      oid: tip,
      owners: owners.map((owner) => nameOf(owner ?? self)),
      mine: owners.includes(null),
    })),
    ...(kind === 'deleted-there' ? { deletedBy: conflict.peers.map(nameOf) } : {}),
    strategy: strategyOf(strategies, branch),
    ...(kind === 'diverged' && conflict.settling !== undefined ? { settling: conflict.settling } : {}),
    resolving: [...resolving(branch)],
  };
}
