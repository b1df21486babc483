import { posix } from 'node:path';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { MergeRoom } from './merge-room.ts';

/** Values of the attribute `merge` for which git merges line by line (gitattributes(5)). */
const LINE_BY_LINE: ReadonlySet<string> = new Set(['unspecified', 'set', 'text']);

/**
 * Which of these paths are, by the `.gitattributes` in any of these commits, not to be merged line by line. Git itself would look into
 * one person's worktree, and run what their configuration says of a driver; both give different merges for different people. So a
 * path counts as soon as one side says so, and then people decide.
 */
export async function unmergeablePaths(
  room: MergeRoom,
  commits: readonly Oid[],
  paths: readonly string[],
): Promise<string[]> {
  if (paths.length === 0) return [];
  // `cat-file` takes a line each; a folder with a line break in its name is not worth more.
  const odd = paths.filter((path) => path.includes('\n'));
  const plain = paths.filter((path) => !path.includes('\n'));
  const found = await Promise.all(
    (await attributeFiles(room, commits, plain)).map((files, i) => specialIn(room, i, files, plain)),
  );
  return [...new Set([...odd, ...found.flat()])].sort();
}

interface AttributeFile {
  readonly path: string;
  readonly oid: string;
}

/** For each commit, the `.gitattributes` of the folders above these paths. */
async function attributeFiles(
  room: MergeRoom,
  commits: readonly Oid[],
  paths: readonly string[],
): Promise<AttributeFile[][]> {
  const folders = new Set(['.']);
  for (const path of paths) {
    for (let folder = posix.dirname(path); !folders.has(folder); folder = posix.dirname(folder)) folders.add(folder);
  }
  const names = [...folders].sort().map((folder) => posix.join(folder, '.gitattributes'));
  const { stdout } = await room.run(['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    input: commits.flatMap((commit) => names.map((name) => `${commit}:${name}\n`)).join(''),
  });
  // One line an answer, but what is missing is named in full.
  const answers = stdout.split('\n');
  return commits.map((_, i) =>
    names.flatMap((path, j) => {
      const [oid = '', type] = (answers[i * names.length + j] ?? '').split(' ');
      return isOid(oid) && type === 'blob' ? [{ path, oid }] : [];
    }),
  );
}

async function specialIn(
  room: MergeRoom,
  number: number,
  files: readonly AttributeFile[],
  paths: readonly string[],
): Promise<string[]> {
  if (files.length === 0) return [];
  const index = room.path(`attributes-${number}`);
  const entries = files.map(({ path, oid }) => `100644 ${oid}\t${path}\0`).join('');
  await room.run(['update-index', '-z', '--add', '--index-info'], { index, input: entries });
  const { stdout } = await room.run(['check-attr', '--cached', '-z', '--stdin', 'merge'], {
    index,
    input: paths.map((path) => `${path}\0`).join(''),
  });
  // `<path> NUL merge NUL <value> NUL` each.
  const fields = stdout.split('\0');
  const special: string[] = [];
  for (let i = 0; i + 2 < fields.length; i += 3) {
    if (!LINE_BY_LINE.has(fields[i + 2] ?? '')) special.push(fields[i] ?? '');
  }
  return special;
}
