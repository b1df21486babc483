import { PeerweaveError } from '../../../shared/errors.ts';
import type { Oid } from '../../../shared/ids.ts';
import type { MergeRoom } from './merge-room.ts';

/** A path that differs between two commits, and whether the later one added, deleted or modified it. Renames are two of these. */
export interface ChangedName {
  readonly path: string;
  readonly status: 'A' | 'D' | 'M';
}

const ARGS = ['diff-tree', '-r', '-z', '--name-status', '--no-renames'];

const asked = new WeakMap<MergeRoom, Map<string, Promise<readonly ChangedName[]>>>();

/** Every path that differs between two commits, in git's order. Asked of git once in a room: several look at the same two. */
export function changedNames(room: MergeRoom, from: Oid, to: Oid): Promise<readonly ChangedName[]> {
  const answers = asked.get(room) ?? new Map<string, Promise<readonly ChangedName[]>>();
  asked.set(room, answers);
  const key = `${from} ${to}`;
  const answer = answers.get(key) ?? room.run([...ARGS, from, to]).then(({ stdout }) => parse(stdout.split('\0')));
  answers.set(key, answer);
  return answer;
}

/** What each of these commits has changed since `base`, in the same order, by one process. */
export async function changesSince(room: MergeRoom, base: Oid, tips: readonly Oid[]): Promise<ChangedName[][]> {
  // A line each of a commit and what counts as its parent; each answer begins with the commit, also when there is nothing to tell.
  const input = tips.map((tip) => `${tip} ${base}\n`).join('');
  const { stdout } = await room.run([...ARGS, '--stdin', '--always'], { input });
  const fields = stdout.split('\0');
  let at = 0;
  return tips.map((tip) => {
    if (fields[at] !== tip)
      throw new PeerweaveError('internal', 'git diff-tree answered another question than was asked.');
    const changes = parse(fields, at + 1);
    at += 1 + changes.length * 2;
    return changes;
  });
}

/** `<status> NUL <path> NUL` each, up to what is no status. */
function parse(fields: readonly string[], from = 0): ChangedName[] {
  const changes: ChangedName[] = [];
  for (let i = from; fields[i]?.length === 1 && i + 1 < fields.length; i += 2) {
    const [status, path = ''] = fields.slice(i, i + 2);
    // Also `T`, for a file that became a link.
    changes.push({ path, status: status === 'A' || status === 'D' ? status : 'M' });
  }
  return changes;
}
