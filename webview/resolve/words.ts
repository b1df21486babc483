import { diffWordsWithSpace } from 'diff';
import type { Region } from './regions.ts';

/** A stretch of text, and whether the other version lacks it. */
export interface Word {
  readonly text: string;
  readonly changed: boolean;
}

/** The versions of a region, word by word: what each side has that the base lacks, and what of the base some side lacks. */
export interface RegionWords {
  readonly base: readonly Word[];
  readonly mine: readonly Word[];
  readonly theirs: readonly Word[];
}

/** Past so many characters in both, words are not compared: the whole is shown as changed, at once. */
const MAX_COMPARED = 20_000;

/** Every key draws the page anew, and regions stay the same ones. */
const known = new WeakMap<Region, RegionWords>();

export function wordsOf(region: Region): RegionWords {
  const found = known.get(region) ?? compared(region);
  known.set(region, found);
  return found;
}

function compared(region: Region): RegionWords {
  const base = region.base.join('');
  const mine = changesOf(base, region.mine.join(''));
  const theirs = changesOf(base, region.theirs.join(''));
  return { base: marked(base, [...mine.removed, ...theirs.removed]), mine: mine.words, theirs: theirs.words };
}

/** From (included) and to (excluded), in characters. */
type Range = readonly [number, number];

interface Changes {
  readonly words: readonly Word[];
  /** Ranges of the base. */
  readonly removed: readonly Range[];
}

function changesOf(base: string, changed: string): Changes {
  if (base === changed) return { words: changed === '' ? [] : [{ text: changed, changed: false }], removed: [] };
  // Nothing to compare with, or too much: all of it is new, and nothing is struck.
  if (base === '' || base.length + changed.length > MAX_COMPARED) {
    return { words: changed === '' ? [] : [{ text: changed, changed: true }], removed: [] };
  }
  const words: Word[] = [];
  const removed: Range[] = [];
  let at = 0;
  for (const part of diffWordsWithSpace(base, changed)) {
    if (!part.removed) words.push({ text: part.value, changed: part.added });
    if (part.removed) removed.push([at, at + part.value.length]);
    if (!part.added) at += part.value.length;
  }
  return { words, removed };
}

function marked(text: string, ranges: readonly Range[]): Word[] {
  const words: Word[] = [];
  let at = 0;
  const take = (to: number, changed: boolean): void => {
    if (to > at) words.push({ text: text.slice(at, to), changed });
    at = Math.max(at, to);
  };
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    take(from, false);
    take(to, true);
  }
  take(text.length, false);
  return words;
}
