import { diffArrays } from 'diff';

/**
 * What one version changed of another, line by line. Long texts are first cut at lines that occur once in both (the idea of patience
 * diff): comparing all lines with all others takes the square of what changed, and a page must not stand still for a large change.
 */
export interface LineChange {
  /** Base lines `start` (included) to `end` (excluded), from 0, became `added` lines. */
  readonly start: number;
  readonly end: number;
  readonly added: number;
}

/** Steps that the comparison of one stretch may take; what differs more is shown as replaced whole. */
const MAX_EDITS = 1_000;
/** Stretches in stretches: text that is made to need more than this is compared in larger pieces. */
const MAX_DEPTH = 40;

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly changedFrom: number;
  readonly changedTo: number;
}

/** The changes in the order of their lines; none touches the next. */
export function lineChanges(base: readonly string[], changed: readonly string[]): LineChange[] {
  const found: LineChange[] = [];
  const add = ({ start, end, added }: LineChange): void => {
    const last = found.at(-1);
    if (last?.end === start) found[found.length - 1] = { start: last.start, end, added: last.added + added };
    else found.push({ start, end, added });
  };

  const compare = (whole: Stretch, depth: number): void => {
    const part = withoutEnds(base, changed, whole);
    const { from, to, changedFrom, changedTo } = part;
    if (from === to && changedFrom === changedTo) return;
    if (from === to || changedFrom === changedTo) return add({ start: from, end: to, added: changedTo - changedFrom });
    const anchors = depth < MAX_DEPTH ? anchorsOf(base, changed, part) : [];
    if (anchors.length === 0) return compareEach(part);
    let [at, changedAt] = [from, changedFrom];
    for (const [line, changedLine] of [...anchors, [to, changedTo] as const]) {
      compare({ from: at, to: line, changedFrom: changedAt, changedTo: changedLine }, depth + 1);
      [at, changedAt] = [line + 1, changedLine + 1];
    }
  };

  const compareEach = ({ from, to, changedFrom, changedTo }: Stretch): void => {
    const parts = diffArrays(base.slice(from, to), changed.slice(changedFrom, changedTo), { maxEditLength: MAX_EDITS });
    if (parts === undefined) return add({ start: from, end: to, added: changedTo - changedFrom });
    let at = from;
    for (const { added, removed, value } of parts) {
      const end = added ? at : at + value.length;
      if (added || removed) add({ start: at, end, added: added ? value.length : 0 });
      at = end;
    }
  };

  compare({ from: 0, to: base.length, changedFrom: 0, changedTo: changed.length }, 0);
  return found;
}

/** Without the lines at both ends that are the same. */
function withoutEnds(base: readonly string[], changed: readonly string[], stretch: Stretch): Stretch {
  let { from, to, changedFrom, changedTo } = stretch;
  while (from < to && changedFrom < changedTo && base[from] === changed[changedFrom]) {
    from += 1;
    changedFrom += 1;
  }
  while (from < to && changedFrom < changedTo && base[to - 1] === changed[changedTo - 1]) {
    to -= 1;
    changedTo -= 1;
  }
  return { from, to, changedFrom, changedTo };
}

type Pair = readonly [line: number, changedLine: number];

/** Lines that occur once in both, as far as they keep their order: the longest rising sequence of them. */
function anchorsOf(base: readonly string[], changed: readonly string[], stretch: Stretch): Pair[] {
  const { from, to, changedFrom, changedTo } = stretch;
  const once = (lines: readonly string[], start: number, end: number): Map<string, number> => {
    const at = new Map<string, number>();
    for (let i = start; i < end; i++) at.set(lines[i] ?? '', at.has(lines[i] ?? '') ? -1 : i);
    return at;
  };
  const there = once(changed, changedFrom, changedTo);
  const pairs: Pair[] = [];
  for (const [line, index] of once(base, from, to)) {
    const other = there.get(line) ?? -1;
    if (index >= 0 && other >= 0) pairs.push([index, other]);
  }
  return rising(pairs);
}

/** The longest part of pairs, sorted by their first number, whose second numbers rise (patience sorting). */
function rising(pairs: readonly Pair[]): Pair[] {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  const tops: number[] = [];
  const before: (number | undefined)[] = [];
  for (const [index, [, value]] of sorted.entries()) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[tops[middle] ?? 0]?.[1] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    before[index] = low > 0 ? tops[low - 1] : undefined;
    tops[low] = index;
  }
  const found: Pair[] = [];
  for (let at = tops.at(-1); at !== undefined; at = before[at]) {
    const pair = sorted[at];
    if (pair !== undefined) found.push(pair);
  }
  return found.reverse();
}
