import type { Oid } from '../../../shared/ids.ts';
import type { Relation } from '../repository.ts';
import { changedNames } from './changed-names.ts';
import type { MergeContext } from './merge-commit.ts';
import { MergeRoom } from './merge-room.ts';

/** Commits on each side whose patches are compared. Each is a diff; whoever rebases more has real work to look at anyway. */
const MAX_COMMITS = 50;
/** Files that differ between tips whose patches are compared: the same changes end in nearly the same files. */
const MAX_DIFFERING = 50;

/** Finds out whether a relation is one of equal patches, where that can be: both sides have commits, equally many, and other files. */
export async function withPatches({ git, gitDir, format }: MergeContext, relation: Relation): Promise<Relation> {
  const { local, remote, ahead, behind, sameTree } = relation;
  if (sameTree || ahead === 0 || ahead !== behind || ahead > MAX_COMMITS) return relation;
  const room = await MergeRoom.open(git, gitDir, { format });
  try {
    return { ...relation, patchEqual: await arePatchEqual(room, local, remote) };
  } finally {
    await room.close();
  }
}

/**
 * True when two commits that diverged hold the same changes, committed separately: every commit of the one side has its like on the
 * other by git-patch-id(1), which goes by the changed lines and not by where they are, who committed them and when. `known` is how many
 * commits each has and the other has not, where that is known.
 */
export async function arePatchEqual(room: MergeRoom, a: Oid, b: Oid, known?: readonly number[]): Promise<boolean> {
  const counts = known ?? (await count(room, ['--left-right', `--max-count=${4 * MAX_COMMITS}`, `${a}...${b}`]));
  const [ours = 0, theirs = 0] = counts;
  // Comparing patches is the dear part. Equal ones are equally many, and leave little to differ.
  if (ours === 0 || ours !== theirs || ours > MAX_COMMITS) return false;
  if ((await changedNames(room, a, b)).length >= MAX_DIFFERING) return false;
  const [left, right, equal] = await count(room, ['--left-right', '--cherry-mark', `${a}...${b}`]);
  // Merges have no patch and count as different.
  return left === 0 && right === 0 && (equal ?? 0) > 0;
}

async function count(room: MergeRoom, args: readonly string[]): Promise<number[]> {
  const { stdout } = await room.run(['rev-list', '--count', ...args]);
  return stdout.trim().split('\t').map(Number);
}
