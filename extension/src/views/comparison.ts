import type { ConflictDetail, ConflictSide } from '../rpc/conflicts.ts';

/** A file in which two sides may differ, and which of them have it. */
export interface ComparedFile {
  readonly path: string;
  readonly there: boolean;
  readonly here: boolean;
}

/**
 * The files in which a side may differ from ours, by path: all that one of the two has changed since both parted. Who changed nothing has
 * what was there before: nothing where the other added it.
 */
export function comparedFiles({ sides, files }: ConflictDetail, theirs: string): readonly ComparedFile[] {
  const there = changesOf(sides.find(({ tip }) => tip === theirs));
  const here = changesOf(sides.find(({ mine }) => mine));
  const paths = new Set([...there.keys(), ...here.keys(), ...files.map(({ path }) => path)]);
  return [...paths].sort().map((path) => ({
    path,
    there: isThere(there.get(path), here.get(path)),
    here: isThere(here.get(path), there.get(path)),
  }));
}

type Change = ConflictSide['changes'][number]['change'];

const changesOf = (side: ConflictSide | undefined): ReadonlyMap<string, Change> =>
  new Map(side?.changes.map(({ path, change }) => [path, change]));

const isThere = (own: Change | undefined, other: Change | undefined): boolean =>
  own === undefined ? other !== 'added' : own !== 'deleted';
