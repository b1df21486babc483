import type { Oid } from '../../../shared/ids.ts';
import type { FileChange, MergePreview, PreviewConflict, PreviewRequest, PreviewSide } from '../merge.ts';
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
    // All at once: the merge takes longest, and git's start-up is most of the others.
    const found = mergeBases(room, tips);
    // It is looked at below, together with whatever else fails.
    found.catch(() => undefined);
    const [bases, fold, trees, equal, sides] = await Promise.all([
      found,
      mergeThrough(room, tips),
      treesOf(room, tips),
      haveEqualPatches(room, tips),
      Promise.all(tips.map(async (tip) => describeSide(room, tip, tips, found))),
    ]);
    const outcome = new Set(trees).size === 1 ? 'same-tree' : equal ? 'patch-equal' : outcomeOf(fold);
    return {
      bases,
      sides,
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

async function haveEqualPatches(room: MergeRoom, [first, ...rest]: readonly Oid[]): Promise<boolean> {
  if (first === undefined) return false;
  const equal = await Promise.all(rest.map((tip) => arePatchEqual(room, first, tip)));
  return equal.every(Boolean);
}

async function describeSide(
  room: MergeRoom,
  tip: Oid,
  tips: readonly Oid[],
  found: Promise<readonly Oid[]>,
): Promise<PreviewSide> {
  const others = tips.filter((other) => other !== tip);
  const [commits, bases] = await Promise.all([listCommits(room, tip, others), found]);
  const [base] = bases;
  const changes = base === undefined ? [] : await listChanges(room, base, tip);
  return {
    tip,
    commits: commits.slice(0, MAX_COMMITS),
    moreCommits: commits.length > MAX_COMMITS,
    changes: new Map(changes.slice(0, MAX_FILES)),
    moreChanges: changes.length > MAX_FILES,
  };
}

const CHANGES: Readonly<Record<string, FileChange>> = { A: 'added', D: 'deleted' };

async function listChanges(room: MergeRoom, base: Oid, tip: Oid): Promise<[string, FileChange][]> {
  const { stdout } = await room.run(['diff-tree', '-r', '-z', '--name-status', '--no-renames', base, tip]);
  const fields = stdout.split('\0');
  const changes: [string, FileChange][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [status = '', path = ''] = fields.slice(i, i + 2);
    changes.push([path, CHANGES[status] ?? 'modified']);
  }
  return changes;
}
