import type { ConflictDetail, ConflictSide } from '../../extension/src/rpc/conflicts.ts';

/** How the sides of a conflict are called and coloured, everywhere on the page alike. */

/** Whose commits a side is: `you`, `bob`, `bob and carol`. */
export function whoOf({ mine, owners }: Pick<ConflictSide, 'mine' | 'owners'>): string {
  const all = mine ? ['you', ...owners] : owners;
  return all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1) ?? ''}` : (all[0] ?? 'somebody');
}

/** Whose side a tip is. */
export function whoseTip(detail: ConflictDetail, tip: string): string {
  const side = detail.sides.find((each) => each.tip === tip);
  return side === undefined ? 'somebody' : whoOf(side);
}

/** For the button that takes it: `Mine`, `bob’s`. */
export const possessive = (side: ConflictSide): string => (side.mine ? 'Mine' : `${whoOf(side)}’s`);

export const titled = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const COLORS = 4;

/** The class that gives a side its colour. */
export function colorOf(detail: ConflictDetail, tip: string): string {
  const others = detail.sides.filter(({ mine }) => !mine);
  const at = others.findIndex((side) => side.tip === tip);
  return at < 0 ? 'side-mine' : `side-${at % COLORS}`;
}
