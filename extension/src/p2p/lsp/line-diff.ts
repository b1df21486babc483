import { diffArrays } from 'diff';

/**
 * Where the lines of a buffer and of a peer's version differ from what both began with: the idea of diff3, by numbers of lines. The buffer
 * is what is on the screen, saved or not.
 */

/** Lines `start` (included) to `end` (excluded), from 0. Where both are equal it is a place between two lines. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Base lines became other lines. */
export interface Hunk {
  readonly base: Span;
  readonly changed: Span;
}

/** A stretch that the peer changed. */
export interface PeerRegion {
  readonly base: Span;
  readonly mine: Span;
  readonly theirs: Span;
  /** The buffer differs from the base there as well, and not in the same way. */
  readonly contested: boolean;
}

/**
 * Lines that differ beyond which nobody looks for the smallest difference: all between the common ends are one then. The time grows with
 * the square: 1,000 take a tenth of a second, and this is done while somebody types.
 */
const MAX_EDITS = 1_000;

/** Lines as editors count them: after a last line end there is one more, which is empty. */
export const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/);

/** What changed, in order, with at least one unchanged line between any two. */
export function hunksOf(base: readonly string[], changed: readonly string[]): Hunk[] {
  const [head, tail] = commonEnds(base, changed);
  const middle = [base, changed].map((lines) => lines.slice(head, lines.length - tail));
  const [before = [], after = []] = middle;
  if (before.length === 0 && after.length === 0) return [];
  const parts = diffArrays(before, after, { maxEditLength: MAX_EDITS });
  const whole = { base: span(head, before.length), changed: span(head, after.length) };
  return parts === undefined ? [whole] : joined(parts, head);
}

function joined(
  parts: readonly { readonly added: boolean; readonly removed: boolean; readonly value: readonly string[] }[],
  head: number,
): Hunk[] {
  const hunks: Hunk[] = [];
  let [base, changed] = [head, head];
  let open: [base: number, changed: number] | undefined;
  const close = (): void => {
    if (open !== undefined)
      hunks.push({ base: { start: open[0], end: base }, changed: { start: open[1], end: changed } });
    open = undefined;
  };
  for (const { added, removed, value } of parts) {
    if (added || removed) open ??= [base, changed];
    else close();
    if (!added) base += value.length;
    if (!removed) changed += value.length;
  }
  close();
  return hunks;
}

/** How many lines are the same at the beginning and, of the rest, at the end. */
function commonEnds(a: readonly string[], b: readonly string[]): [head: number, tail: number] {
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return [head, tail];
}

/**
 * What the peer changed, and where that is in the buffer now. Changes of both that touch are one, as in git's own merge; where both came
 * to the same lines there is nothing to tell.
 */
export function peerRegions(base: readonly string[], mine: readonly string[], theirs: readonly string[]): PeerRegion[] {
  const changes = [
    ...hunksOf(base, mine).map((hunk) => ({ side: 'mine' as const, hunk })),
    ...hunksOf(base, theirs).map((hunk) => ({ side: 'theirs' as const, hunk })),
  ].sort((a, b) => a.hunk.base.start - b.hunk.base.start || a.hunk.base.end - b.hunk.base.end);
  const regions: PeerRegion[] = [];
  /** How many lines more than the base each side has before the region that is looked at. */
  const shift = { mine: 0, theirs: 0 };
  for (let i = 0; i < changes.length;) {
    const { start } = changes[i]?.hunk.base ?? { start: 0 };
    let end = start;
    const grown = { mine: 0, theirs: 0 };
    const touched = { mine: false, theirs: false };
    for (let change = changes[i]; change !== undefined && change.hunk.base.start <= end; change = changes[(i += 1)]) {
      const { side, hunk } = change;
      end = Math.max(end, hunk.base.end);
      grown[side] += length(hunk.changed) - length(hunk.base);
      touched[side] = true;
    }
    const at = (side: 'mine' | 'theirs'): Span => span(start + shift[side], end - start + grown[side]);
    const region = { base: { start, end }, mine: at('mine'), theirs: at('theirs'), contested: touched.mine };
    shift.mine += grown.mine;
    shift.theirs += grown.theirs;
    if (touched.theirs && !equal(mine, region.mine, theirs, region.theirs)) regions.push(region);
  }
  return regions;
}

const span = (start: number, count: number): Span => ({ start, end: start + count });
const length = ({ start, end }: Span): number => end - start;

function equal(a: readonly string[], inA: Span, b: readonly string[], inB: Span): boolean {
  if (length(inA) !== length(inB)) return false;
  for (let i = 0; i < length(inA); i += 1) if (a[inA.start + i] !== b[inB.start + i]) return false;
  return true;
}
