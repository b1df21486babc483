import { realpath } from 'node:fs/promises';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { CheckedOut, LineOrigin, PeerChange, PeerChanges } from '../peer-changes.ts';
import type { Git, RunOptions } from './git.ts';
import type { RefReader } from './ref-reader.ts';
import { listWorktrees } from './worktrees.ts';

interface Context {
  readonly git: Git;
  readonly gitDir: string;
}

interface Sides {
  readonly ours: Oid;
  readonly theirs: Oid;
  readonly signal?: AbortSignal | undefined;
}

/** More than anybody's divergence; beyond it nothing is told rather than a part. */
const MAX_OUTPUT = 32 * 1024 * 1024;
/** Pairs of an added and a deleted file that are compared for renames, as in merges (`merge-room.ts`). */
const RENAME_LIMIT = 1_000;

/** See `Repository.peerChanges`. Nobody's configuration decides. */
export async function peerChanges({ git, gitDir }: Context, { ours, theirs, signal }: Sides): Promise<PeerChanges> {
  const options = optionsOf(gitDir, signal);
  const found = await git.run(['merge-base', '--all', ours, theirs], { ...options, answers: [0, 1] });
  const [base] = found.stdout.split('\n').filter((line) => isOid(line));
  if (base === undefined) return { base, files: new Map() };
  const [mine, other] = await Promise.all([ours, theirs].map((tip) => changesSince(git, options, base, tip)));
  return { base, files: byOurNames(mine ?? [], other ?? []) };
}

/** One file of `git diff-tree -M --raw`; a renamed one has both names. */
interface RawChange {
  readonly from: string | null;
  readonly to: string | null;
  readonly sameContent: boolean;
}

async function changesSince(git: Git, options: RunOptions, base: Oid, tip: Oid): Promise<RawChange[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '-M', `-l${RENAME_LIMIT}`, '--no-abbrev', base, tip];
  const fields = (await git.run(args, options)).stdout.split('\0');
  const changes: RawChange[] = [];
  for (let i = 0; i + 1 < fields.length;) {
    // `:<mode> <mode> <oid> <oid> <status>`, then one path or, of a rename, two (git-diff-tree(1)).
    const [, , fromOid = '', toOid = '', status = ''] = (fields[i] ?? '').split(' ');
    const path = fields[i + 1] ?? '';
    const renamed = status.startsWith('R');
    const to = renamed ? (fields[i + 2] ?? '') : path;
    i += renamed ? 3 : 2;
    changes.push({
      from: status === 'A' ? null : path,
      to: status === 'D' ? null : to,
      sameContent: fromOid === toOid,
    });
  }
  return changes;
}

function byOurNames(mine: readonly RawChange[], other: readonly RawChange[]): Map<string, PeerChange> {
  const ourNames = new Map(mine.flatMap(({ from, to }) => (from === null ? [] : [[from, to] as const])));
  const added = new Set(mine.flatMap(({ from, to }) => (from === null && to !== null ? [to] : [])));
  const files = new Map<string, PeerChange>();
  for (const { from, to, sameContent } of other) {
    const kind = from === null ? 'added' : to === null ? 'deleted' : 'modified';
    // What both added under one name meets there; what only they added is in nobody's editor here.
    const ourName = from === null ? (to !== null && added.has(to) ? to : null) : (ourNames.get(from) ?? null);
    const path = from !== null && !ourNames.has(from) ? from : ourName;
    if (path !== null) files.set(path, { kind, basePath: from, theirPath: to, sameContent });
  }
  return files;
}

/** See `Repository.lineOrigins`. */
export async function lineOrigins(
  { git, gitDir }: Context,
  {
    base,
    tip,
    path,
    signal,
  }: { readonly base: Oid; readonly tip: Oid; readonly path: string; readonly signal?: AbortSignal | undefined },
): Promise<LineOrigin[]> {
  const args = ['blame', '--incremental', '--no-textconv', `${base}..${tip}`, '--', path];
  const options = optionsOf(gitDir, signal);
  const { stdout } = await git.run(args, { ...options, config: ['blame.ignoreRevsFile='] });
  const origins: LineOrigin[] = [];
  /** Commits that stand for everything before: lines that are as they were. Said once, below the first lines of each. */
  const before = new Set<Oid>([base]);
  for (const line of stdout.split('\n')) {
    if (line === 'boundary') before.add(origins.at(-1)?.commit ?? base);
    const [, commit = '', first, count] = /^([0-9a-f]{40,64}) \d+ (\d+) (\d+)$/.exec(line) ?? [];
    if (isOid(commit)) origins.push({ line: Number(first) - 1, count: Number(count), commit });
  }
  return origins.filter(({ commit }) => !before.has(commit)).sort((one, two) => one.line - two.line);
}

const optionsOf = (gitDir: string, signal: AbortSignal | undefined): RunOptions => ({
  gitDir,
  isolated: true,
  env: { GIT_NO_REPLACE_OBJECTS: '1' },
  maxOutput: MAX_OUTPUT,
  ...(signal === undefined ? {} : { signal }),
});

/** See `Repository.checkedOut`. */
export async function checkedOut(refs: RefReader, gitDir: string): Promise<CheckedOut[]> {
  const worktrees = await listWorktrees(refs, gitDir);
  return Promise.all(
    worktrees.map(async ({ root, head, operatesOn }) => ({
      root: await realpath(root).catch(() => root),
      branch: head ?? operatesOn,
    })),
  );
}
