import type { ConflictDetail } from '../rpc/conflicts.ts';
import { peerText } from '../shared/peer-text.ts';

/** The message that a merge is offered with, as git would word it: `Merge main of Bob and Carol`. */
export function mergeMessage({ branch, sides }: ConflictDetail): string {
  const names = sides.filter(({ mine }) => !mine).flatMap(({ owners }) => owners.map(peerText));
  const [last, ...others] = [...new Set(names)].filter((name) => name !== '').reverse();
  if (last === undefined) return `Merge ${branch}`;
  const who = others.length === 0 ? last : `${others.reverse().join(', ')} and ${last}`;
  return `Merge ${branch} of ${who}`;
}
