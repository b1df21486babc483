import type { Oid } from '../../../shared/ids.ts';
import type {
  CommitSummary,
  FileChange,
  MergePreview,
  PreviewConflict,
  PreviewRequest,
  PreviewSide,
} from '../merge.ts';
import { changedNames, changesSince, type ChangedName } from './changed-names.ts';
import type { MergeContext } from './merge-commit.ts';
import { listCommits, MAX_COMMITS } from './list-commits.ts';
import { checkHeads, treesOf } from './merge-fold.ts';
import { MergeRoom } from './merge-room.ts';
import { mergeThrough, type Through } from './merge-through.ts';
import { mergeBases } from './merge-tree.ts';
import { arePatchEqual } from './patch-equal.ts';

/** What a person looks through; the rest is said to exist. */
const MAX_FILES = 10_000;

/** See `Repository.previewMerge`. Nothing is written to the repository. */
export async function previewMerge(
  { git, gitDir, format }: MergeContext,
  request: PreviewRequest,
): Promise<MergePreview> {
  const { tips, signal, timeoutMs } = request;
  checkHeads(tips);
  const room = await MergeRoom.open(git, gitDir, { format, signal, timeoutMs });
  try {
    // All at once, and each question once: the merge takes longest, and git's start-up is most of the others.
    const found = mergeBases(room, tips);
    const listing = Promise.all(tips.map((tip) => listCommits(room, tip, othersThan(tip, tips))));
    const [bases, fold, same, equal, commits, changes] = await Promise.all([
      found,
      mergeThrough(room, tips),
      haveSameTrees(room, tips),
      listing.then((lists) => haveEqualPatches(room, tips, lists)),
      listing,
      found.then(([base]) => (base === undefined ? [] : changesSince(room, base, tips))),
    ]);
    const outcome = same ? 'same-tree' : equal ? 'patch-equal' : outcomeOf(fold);
    return {
      bases,
      sides: tips.map((tip, i) => describeSide(tip, commits[i] ?? [], changes[i] ?? [])),
      outcome,
      conflicts: outcome === 'conflicts' ? fold.conflicts.map(conflictOf) : [],
      merged: fold.merged.slice(0, MAX_FILES),
      moreMerged: fold.merged.length > MAX_FILES,
    };
  } finally {
    // Thousands of small files may be in it; nobody has to wait for that.
    room.close().catch(() => undefined);
  }
}

function outcomeOf({ conflicts, unrelated }: Through): MergePreview['outcome'] {
  if (conflicts.length > 0) return 'conflicts';
  return unrelated.length > 0 ? 'unrelated' : 'clean';
}

const conflictOf = ({ head, files }: Through['conflicts'][number]): PreviewConflict => ({
  tip: head,
  files: files.slice(0, MAX_FILES),
  moreFiles: files.length > MAX_FILES,
});

const othersThan = (tip: Oid, tips: readonly Oid[]): Oid[] => tips.filter((other) => other !== tip);

async function haveSameTrees(room: MergeRoom, tips: readonly Oid[]): Promise<boolean> {
  const [first, second, ...rest] = tips;
  if (first === undefined || second === undefined) return false;
  // The merge looks at what differs between two anyway.
  if (rest.length === 0) return (await changedNames(room, first, second)).length === 0;
  return new Set(await treesOf(room, tips)).size === 1;
}

async function haveEqualPatches(
  room: MergeRoom,
  tips: readonly Oid[],
  commits: readonly (readonly CommitSummary[])[],
): Promise<boolean> {
  const [first, ...rest] = tips;
  if (first === undefined) return false;
  // Of two, what the one has and no other is what it has and the second has not.
  const counts = rest.length === 1 ? commits.map(({ length }) => length) : undefined;
  const equal = await Promise.all(rest.map((tip) => arePatchEqual(room, first, tip, counts)));
  return equal.every(Boolean);
}

function describeSide(tip: Oid, commits: readonly CommitSummary[], changes: readonly ChangedName[]): PreviewSide {
  return {
    tip,
    commits: commits.slice(0, MAX_COMMITS),
    moreCommits: commits.length > MAX_COMMITS,
    changes: new Map(changes.slice(0, MAX_FILES).map(({ path, status }) => [path, CHANGES[status]])),
    moreChanges: changes.length > MAX_FILES,
  };
}

const CHANGES: Readonly<Record<ChangedName['status'], FileChange>> = { A: 'added', D: 'deleted', M: 'modified' };
