import { PeerweaveError } from '../../../shared/errors.ts';
import type { Oid } from '../../../shared/ids.ts';
import type { ConflictStage } from '../merge.ts';
import type { ConflictVersions, FileVersion } from '../resolution.ts';
import type { MergeContext } from './merge-commit.ts';
import { conflictFiles } from './conflict-kinds.ts';
import { MergeRoom } from './merge-room.ts';
import { mergeBases, mergeTree } from './merge-tree.ts';
import { entriesAt } from './tree-entries.ts';

/** What a person can look at and decide line by line; more is for another program. */
const MAX_SHOWN_BYTES = 4_000_000;
/** Where git itself looks for a NUL to tell that a file is not text (xdiff-interface.c). */
const FIRST_BYTES = 8_000;

/** See `Repository.fileAt`. */
export async function fileAt(
  { git, gitDir, format }: MergeContext,
  { commit, path, signal }: { readonly commit: Oid; readonly path: string; readonly signal?: AbortSignal },
): Promise<FileVersion | null> {
  const room = await MergeRoom.open(git, gitDir, { format, signal });
  try {
    await assertCommits(room, [commit]);
    return await readVersion(room, (await entriesAt(room, commit, [path])).get(path));
  } finally {
    await room.close();
  }
}

/** See `Repository.conflictVersions`. */
export async function conflictVersions(
  { git, gitDir, format }: MergeContext,
  request: { readonly ours: Oid; readonly theirs: Oid; readonly path: string; readonly signal?: AbortSignal },
): Promise<ConflictVersions> {
  const room = await MergeRoom.open(git, gitDir, { format, signal: request.signal });
  try {
    await assertCommits(room, [request.ours, request.theirs]);
    const { base, ours, theirs } = await entriesOf(room, request);
    const [first, second, third] = await Promise.all([base, ours, theirs].map((entry) => readVersion(room, entry)));
    return { base: first ?? null, ours: second ?? null, theirs: third ?? null };
  } finally {
    await room.close();
  }
}

type Entries = Partial<Record<'base' | 'ours' | 'theirs', ConflictStage | undefined>>;

/** A file may have another name on a side, or had one in the base. What conflicts git tells by its stages, the rest by its renames. */
async function entriesOf(
  room: MergeRoom,
  { ours, theirs, path }: { readonly ours: Oid; readonly theirs: Oid; readonly path: string },
): Promise<Entries> {
  const [bases, result] = await Promise.all([mergeBases(room, [ours, theirs]), mergeTree(room, ours, theirs)]);
  const file = result && conflictFiles(result, [ours, theirs]).find((one) => one.path === path);
  const names = [path, ...(file?.related ?? [])];
  const [base] = bases;
  const origins = base === undefined ? [] : await originsOf(room, base, [ours, theirs], path);
  const find = async (commit: Oid | undefined): Promise<ConflictStage | undefined> => {
    if (commit === undefined) return undefined;
    const found = await entriesAt(room, commit, [...names, ...origins]);
    return [...names, ...origins].map((name) => found.get(name)).find((entry) => entry !== undefined);
  };
  const [inBase, inOurs, inTheirs] = await Promise.all([find(base), find(ours), find(theirs)]);
  // Several bases are merged into one by git; its stage is better than the first of them.
  return { base: file?.base ?? inBase, ours: file?.ours ?? inOurs, theirs: file?.theirs ?? inTheirs };
}

/** What this path was called in the base, where a side renamed it. */
async function originsOf(room: MergeRoom, base: Oid, sides: readonly Oid[], path: string): Promise<string[]> {
  const found = await Promise.all(
    sides.map(async (side) => {
      const { stdout } = await room.run([
        'diff-tree',
        '-r',
        '-z',
        '-M',
        '--name-status',
        '--diff-filter=R',
        base,
        side,
      ]);
      const fields = stdout.split('\0');
      const origins: string[] = [];
      for (let i = 0; i + 2 < fields.length; i += 3) if (fields[i + 2] === path) origins.push(fields[i + 1] ?? '');
      return origins;
    }),
  );
  return [...new Set(found.flat())].filter((origin) => origin !== path);
}

async function readVersion(room: MergeRoom, entry: ConflictStage | undefined): Promise<FileVersion | null> {
  if (entry === undefined) return null;
  const { mode, oid } = entry;
  if (mode === '160000') return { mode, bytes: 0, kind: 'submodule', text: oid };
  const bytes = Number((await room.run(['cat-file', '-s', oid])).stdout.trim());
  if (bytes > MAX_SHOWN_BYTES) return { mode, bytes, kind: 'too-large' };
  // The blob as it is: no filter, no `textconv`, nothing of the repository's that would run (git-cat-file(1)).
  const content = (await room.read(['cat-file', 'blob', oid])).bytes;
  const text = content.subarray(0, FIRST_BYTES).includes(0) ? undefined : asText(content);
  if (text === undefined) return { mode, bytes, kind: 'binary' };
  return { mode, bytes, kind: mode === '120000' ? 'link' : 'text', text };
}

/** Undefined for what is not UTF-8. A byte order mark stays: what is written back is what was read. */
function asText(content: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

async function assertCommits(room: MergeRoom, commits: readonly Oid[]): Promise<void> {
  const { stdout } = await room.run(['cat-file', '--batch-check=%(objecttype)'], {
    input: commits.map((commit) => `${commit}\n`).join(''),
  });
  const types = stdout.trim().split('\n');
  const missing = commits.find((_, i) => types[i] !== 'commit');
  if (missing === undefined) return;
  throw new PeerweaveError('object-missing', `The commit ${missing.slice(0, 10)} is not here (any more).`);
}
