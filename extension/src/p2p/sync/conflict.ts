import type { Oid, PeerId } from '../../shared/ids.ts';
import type { BranchStanding, ConflictCandidate, PeerStanding } from './model.ts';
import type { Relate } from './relations.ts';

/** Standings whose tip is a side of a conflict. Rewinds and deletions are shown as what they are, same trees are no conflict (SY9). */
const SIDES: ReadonlySet<BranchStanding> = new Set(['equal', 'fast-forward', 'remote-behind', 'diverged']);

/**
 * The sides of a branch that has diverged from some peer: every distinct tip with its owners, but those that another contains.
 * Undefined when there is no conflict; also when one tip contains all others, as it then is the resolution and only has to
 * arrive (CO5). `asked` while it cannot be told yet.
 */
export function conflictOf(
  local: Oid | null,
  standings: readonly PeerStanding[],
  relate: Relate,
): readonly ConflictCandidate[] | undefined | 'asked' {
  const some = (wanted: BranchStanding): boolean => standings.some(({ standing }) => standing === wanted);
  if (local === null) return undefined;
  if (!some('diverged')) return some('unknown') ? 'asked' : undefined;
  const sides = outermostSides(local, standings, SIDES, relate);
  return sides === 'asked' || sides.length > 1 ? sides : undefined;
}

/** The tips of peers with one of these standings, and ours, with their owners; those that another contains are left out. */
export function outermostSides(
  local: Oid,
  standings: readonly PeerStanding[],
  wanted: ReadonlySet<BranchStanding>,
  relate: Relate,
): readonly ConflictCandidate[] | 'asked' {
  const owners = ownersByTip(local, standings, wanted);
  const tips = [...owners.keys()];
  const lookups = tips.flatMap((tip) =>
    tips.filter((other) => other !== tip).map((other) => ({ tip, counts: relate(tip, other) })),
  );
  if (lookups.some(({ counts }) => counts === 'asked')) return 'asked';
  const contained = new Set(
    lookups.filter(({ counts }) => typeof counts === 'object' && counts.ahead === 0).map(({ tip }) => tip),
  );
  const sides = tips.filter((tip) => !contained.has(tip));
  return sides.map((tip) => ({ tip, owners: owners.get(tip) ?? [] }));
}

/** The local tip first, the others in the order of their ids, so that the list does not depend on who came first. */
function ownersByTip(
  local: Oid,
  standings: readonly PeerStanding[],
  wanted: ReadonlySet<BranchStanding>,
): Map<Oid, (PeerId | null)[]> {
  const owners = new Map<Oid, (PeerId | null)[]>([[local, [null]]]);
  const sides = standings.filter(({ standing }) => wanted.has(standing));
  const byTip = sides.sort((a, b) => compare(a.remote ?? '', b.remote ?? '') || compare(a.peer, b.peer));
  for (const { remote, peer } of byTip) {
    if (remote === null) continue;
    const known = owners.get(remote);
    if (known === undefined) owners.set(remote, [peer]);
    else known.push(peer);
  }
  return owners;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
