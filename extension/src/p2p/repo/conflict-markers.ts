/**
 * Conflict markers as git writes them into files (xdiff/xmerge.c): `<<<<<<< ours`, perhaps `||||||| base`, `=======`, `>>>>>>> theirs`. A
 * merge of merges nests longer ones in the base part; only lines of the outer length count there.
 */

/** One conflict in a text. Numbers are those of lines, from 0. */
export interface MarkerBlock {
  /** The line of `<<<<<<<`. */
  readonly start: number;
  /** The line of `|||||||`; undefined in the style that has none. */
  readonly base: number | undefined;
  /** The line of `=======`. */
  readonly middle: number;
  /** The line of `>>>>>>>`. */
  readonly end: number;
  /** What stands behind the first and the last marker. */
  readonly ours: string;
  readonly theirs: string;
}

/** What is to stand in place of a conflict. */
export type BlockChoice = 'mine' | 'theirs' | 'both';

const MARKER = /^([<|>])\1{6,}(?= |\r?$)|^={7,}(?=\r?$)/;

interface OpenBlock {
  readonly size: number;
  readonly start: number;
  readonly ours: string;
  base: number | undefined;
  middle: number | undefined;
}

/** The conflicts in these lines (line ends are ignored), in order. What does not make up a whole one is none. */
export function parseMarkers(lines: readonly string[]): MarkerBlock[] {
  const blocks: MarkerBlock[] = [];
  let open: OpenBlock | undefined;
  for (const [at, line] of lines.entries()) {
    const marker = MARKER.exec(line)?.[0];
    if (marker === undefined) continue;
    const size = marker.length;
    const kind = marker.charAt(0);
    if (kind === '<' && size <= (open?.size ?? size)) {
      open = { size, start: at, ours: line.slice(size).trim(), base: undefined, middle: undefined };
    } else if (size !== open?.size) {
      continue;
    } else if (kind === '|' && open.base === undefined && open.middle === undefined) {
      open.base = at;
    } else if (kind === '=' && open.middle === undefined) {
      open.middle = at;
    } else if (kind === '>' && open.middle !== undefined) {
      const { start, base, middle, ours } = open;
      blocks.push({ start, base, middle, end: at, ours, theirs: line.slice(size).trim() });
      open = undefined;
    }
  }
  return blocks;
}

/** Lines `from` (included) to `to` (excluded). */
export type LineRange = readonly [from: number, to: number];

/** What goes when a conflict is decided: markers, the ancestor's lines, and the lines of the side that is not taken. */
export function removedLines({ start, base, middle, end }: MarkerBlock, choice: BlockChoice): LineRange[] {
  if (choice === 'theirs')
    return [
      [start, middle + 1],
      [end, end + 1],
    ];
  const sinceBase = base ?? middle;
  if (choice === 'mine')
    return [
      [start, start + 1],
      [sinceBase, end + 1],
    ];
  return [
    [start, start + 1],
    [sinceBase, middle + 1],
    [end, end + 1],
  ];
}

/**
 * True while a text has a marker of the merge whose other side is called `label`. Any one counts, also when the rest of its conflict is
 * gone: whoever deleted half of it has not decided. Lines that look like markers and are somebody's text (a heading underlined with
 * `=======`, a document about git) do not.
 */
export function hasMarkersOf(text: string, label: string): boolean {
  // A carriage return is a line's end to this pattern, too.
  for (const [, kind, name = ''] of text.matchAll(/^([<|>])\1{6,} (.*)$/gm)) {
    if (kind === '<' ? name === 'HEAD' : kind === '>' ? name === label : BASE_LABEL.test(name)) return true;
  }
  return false;
}

/** What git calls the common ancestor: its short id, or in words where there are several or none (merge-ort.c). */
const BASE_LABEL = /^(?:[0-9a-f]{7,64}|merged common ancestors|empty tree)$/;
