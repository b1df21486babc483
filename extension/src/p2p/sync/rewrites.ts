import type { Oid } from '../../shared/ids.ts';
import type { BranchStanding, PeerStanding } from './model.ts';
import type { Relate } from './relations.ts';

/** What a rewrite that somebody else follows looks like from here. */
const APART: ReadonlySet<BranchStanding> = new Set(['diverged', 'same-tree', 'patch-equal']);

/**
 * Peers that follow another's rewrite. When Alice rebases what we have from her, Bob, who never agreed with us on the old commits, takes the
 * new ones; against him alone we look as if both had gone on. But what he has contains what Alice rewrote ours to, and we have nothing of
 * our own: it is the same rewrite, shown and offered once, and not merged with what it replaces.
 */
export function followRewrites(standings: readonly PeerStanding[], relate: Relate): PeerStanding[] {
  const rewritten = standings.filter(({ standing, behind }) => standing === 'rewound-there' && behind > 0);
  if (rewritten.length === 0) return [...standings];
  return standings.map((one) => {
    const { remote } = one;
    if (remote === null || !APART.has(one.standing)) return one;
    const answers = rewritten.map(({ remote: tip }) => tip !== null && contains(remote, tip, relate));
    if (answers.includes(true)) return { ...one, standing: 'rewound-there' };
    return answers.includes('asked') ? { ...one, standing: 'unknown' } : one;
  });
}

function contains(tip: Oid, other: Oid, relate: Relate): boolean | 'asked' {
  if (tip === other) return true;
  const counts = relate(other, tip);
  return counts === 'asked' ? 'asked' : counts !== 'missing' && counts.ahead === 0;
}
