import type { Oid } from '../../../shared/ids.ts';
import type { ConflictFile } from '../merge.ts';
import { changedNames } from './changed-names.ts';
import type { MergeRoom } from './merge-room.ts';

/** Two paths, of which each side has one, that a file system which ignores case or Unicode's normal forms cannot hold beside each other. */
export interface CaseRivals {
  readonly ours: string;
  readonly theirs: string;
}

/** What such file systems make of a path. */
const fold = (path: string): string => path.normalize('NFKC').toLowerCase().normalize('NFC');

/**
 * Paths of two commits that differ only by case. Git merges both into one tree, which the next person's machine cannot check out, or takes
 * one file for the other. Everybody's merge must be the same, so it is no matter what the file system here would say.
 */
export async function caseRivals(room: MergeRoom, ours: Oid, theirs: Oid): Promise<CaseRivals[]> {
  const [onlyOurs, onlyTheirs] = [new Map<string, string>(), new Map<string, string>()];
  for (const { path, status } of await changedNames(room, ours, theirs)) {
    if (status === 'D') onlyOurs.set(fold(path), path);
    else if (status === 'A') onlyTheirs.set(fold(path), path);
  }
  return [...onlyOurs].flatMap(([folded, path]) => {
    const rival = onlyTheirs.get(folded);
    return rival === undefined ? [] : [{ ours: path, theirs: rival }];
  });
}

/** Those of the rivals that both came into the merged tree, as conflicts. */
export async function caseConflicts(
  room: MergeRoom,
  tree: Oid,
  rivals: readonly CaseRivals[],
): Promise<ConflictFile[]> {
  if (rivals.length === 0) return [];
  const { stdout } = await room.run(['ls-tree', '-r', '-z', '--name-only', tree]);
  const merged = new Set(stdout.split('\0'));
  return rivals
    .filter(({ ours, theirs }) => merged.has(ours) && merged.has(theirs))
    .map(({ ours, theirs }) => ({
      path: ours,
      kinds: ['add/add'],
      related: [theirs],
      base: undefined,
      ours: undefined,
      theirs: undefined,
    }));
}
