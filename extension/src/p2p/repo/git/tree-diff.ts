import type { Oid } from '../../../shared/ids.ts';
import type { Git } from './git.ts';

/** One path that differs between two trees. Modes are git's octal words; `000000` where the path is absent. */
export interface TreeChange {
  readonly path: string;
  readonly fromMode: string;
  readonly toMode: string;
  readonly fromOid: string;
  readonly toOid: string;
}

export const ABSENT = '000000';

/** The id of the tree without entries, which git knows without having it. */
export const emptyTree = (sample: Oid): Oid =>
  (sample.length === 40
    ? '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
    : '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321') as Oid;

/** The trees that a move of a branch goes between; an absent branch has the empty one. */
export function treesOf({ from, to }: { readonly from: Oid | null; readonly to: Oid | null }): [from: Oid, to: Oid] {
  const sample = from ?? to;
  if (sample === null) throw new TypeError('a move from nothing to nothing');
  return [from ?? emptyTree(sample), to ?? emptyTree(sample)];
}

/** Every file that differs, in git's order; no rename detection. `env` says where objects are, when not in the repository alone. */
export async function diffTrees(
  git: Git,
  gitDir: string,
  from: Oid,
  to: Oid,
  env: Readonly<Record<string, string>> = {},
): Promise<TreeChange[]> {
  const { stdout } = await git.run(['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, to], {
    gitDir,
    env,
  });
  const fields = stdout.split('\0');
  const changes: TreeChange[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [fromMode = '', toMode = '', fromOid = '', toOid = ''] = (fields[index] ?? '').slice(1).split(' ');
    changes.push({ path: fields[index + 1] ?? '', fromMode, toMode, fromOid, toOid });
  }
  return changes;
}
