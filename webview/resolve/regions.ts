import { lineChanges } from './line-changes.ts';

/**
 * A file's three versions cut into regions (the idea of diff3): stretches of lines that all have, that one side changed, that both changed
 * alike, or that they changed differently. Changes with no unchanged line between them are one region, as in git's own merge.
 */
export type RegionKind = 'same' | 'mine' | 'theirs' | 'agreed' | 'conflict';

export interface Region {
  /** What it is made of, and its number among equals: finds a decision again when a peer pushes and the file is cut anew. */
  readonly key: string;
  readonly kind: RegionKind;
  /** Lines with their line ends. */
  readonly base: readonly string[];
  readonly mine: readonly string[];
  readonly theirs: readonly string[];
  /** Numbers of the first line in each version, from 1. */
  readonly at: { readonly base: number; readonly mine: number; readonly theirs: number };
}

/** Lines with their line ends, so that joining them gives the text back. */
export const linesOf = (text: string): string[] => (text === '' ? [] : text.split(/(?<=\n)/));

/** Cuts three versions of a text; a file that both added has an empty base. */
export function regionsOf(base: string, mine: string, theirs: string): Region[] {
  const texts = { base: linesOf(base), mine: linesOf(mine), theirs: linesOf(theirs) };
  const groups = grouped([...hunks(texts.base, texts.mine, 'mine'), ...hunks(texts.base, texts.theirs, 'theirs')]);
  const regions: Region[] = [];
  const seen = new Map<string, number>();
  const at = { base: 0, mine: 0, theirs: 0 };
  const take = (lengths: Spans): void => {
    const part = {
      base: texts.base.slice(at.base, at.base + lengths.base),
      mine: texts.mine.slice(at.mine, at.mine + lengths.mine),
      theirs: texts.theirs.slice(at.theirs, at.theirs + lengths.theirs),
    };
    const kind = kindOf(part);
    // Nothing is decided of what is the same everywhere, and it is most of a file: its number is enough.
    const hash = kind === 'same' ? kind : `${kind}-${hashOf([part.base, part.mine, part.theirs])}`;
    const number = seen.get(hash) ?? 0;
    seen.set(hash, number + 1);
    const first = { base: at.base + 1, mine: at.mine + 1, theirs: at.theirs + 1 };
    regions.push({ key: `${hash}-${number}`, kind, ...part, at: first });
    at.base += lengths.base;
    at.mine += lengths.mine;
    at.theirs += lengths.theirs;
  };
  for (const group of groups) {
    const unchanged = group.start - at.base;
    if (unchanged > 0) take({ base: unchanged, mine: unchanged, theirs: unchanged });
    const length = group.end - group.start;
    take({ base: length, mine: length + group.grown.mine, theirs: length + group.grown.theirs });
  }
  const rest = texts.base.length - at.base;
  if (rest > 0) take({ base: rest, mine: rest, theirs: rest });
  return regions;
}

interface Spans {
  readonly base: number;
  readonly mine: number;
  readonly theirs: number;
}

/** Base lines `start` (included) to `end` (excluded) became `grown` lines more on one side. */
interface Hunk {
  readonly side: 'mine' | 'theirs';
  readonly start: number;
  readonly end: number;
  readonly grown: number;
}

const hunks = (base: readonly string[], changed: readonly string[], side: Hunk['side']): Hunk[] =>
  lineChanges(base, changed).map(({ start, end, added }) => ({ side, start, end, grown: added - (end - start) }));

interface Group {
  readonly start: number;
  end: number;
  readonly grown: { mine: number; theirs: number };
}

/** Hunks that overlap or touch become one group. */
function grouped(all: Hunk[]): Group[] {
  const groups: Group[] = [];
  for (const { side, start, end, grown } of all.sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = groups.at(-1);
    if (last !== undefined && start <= last.end) {
      last.end = Math.max(last.end, end);
      last.grown[side] += grown;
    } else {
      groups.push({ start, end, grown: { mine: 0, theirs: 0, [side]: grown } });
    }
  }
  return groups;
}

function kindOf({ base, mine, theirs }: Pick<Region, 'base' | 'mine' | 'theirs'>): RegionKind {
  const [m, t] = [equal(base, mine), equal(base, theirs)];
  if (m && t) return 'same';
  if (t) return 'mine';
  if (m) return 'theirs';
  return equal(mine, theirs) ? 'agreed' : 'conflict';
}

const equal = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, index) => line === b[index]);

/** FNV-1a over UTF-16 units, twice with different starts: enough to tell the regions of a file apart. */
function hashOf(versions: readonly (readonly string[])[]): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  const add = (unit: number): void => {
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 13);
  };
  for (const lines of versions) {
    for (const line of lines) for (let i = 0; i < line.length; i++) add(line.charCodeAt(i));
    add(0);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}
