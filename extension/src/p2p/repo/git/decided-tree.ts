import { writeFile } from 'node:fs/promises';
import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { ConflictFile, ConflictStage } from '../merge.ts';
import type { FileDecision } from '../resolution.ts';
import { originalPath } from './conflict-kinds.ts';
import type { MergeRoom } from './merge-room.ts';
import type { Through } from './merge-through.ts';
import { entriesAt } from './tree-entries.ts';

/** The files that need a decision and have none: neither for their own path nor for another of the same conflict. */
export function undecidedFiles({ conflicts }: Through, decisions: readonly FileDecision[]): ConflictFile[] {
  const decided = new Set(decisions.map(({ path }) => path));
  return conflictFilesOf(conflicts).filter(({ path, related }) => ![path, ...related].some((one) => decided.has(one)));
}

/**
 * The merge with what people decided in it. A decision holds for all paths of a conflict, but for those that have one of their own. Throws
 * `PeerweaveError` with `bad-request` for a path that no side has, or a side that is none of the heads.
 */
export async function decidedTree(
  room: MergeRoom,
  through: Through,
  heads: readonly Oid[],
  decisions: readonly FileDecision[],
): Promise<Oid> {
  const groups = groupsOf(through, heads, decisions);
  const sides = await sidesAt(room, through.tree, heads, groups);
  const changes = new Map<string, ConflictStage | null>();
  for (const group of groups) for (const path of group.drop) if (!changes.has(path)) changes.set(path, null);
  const texts = await writeTexts(room, decisions);
  for (const group of groups) decide(group, sides, texts, changes);
  return writeTree(room, through.tree, changes);
}

/** A decision, and what else belongs to its conflict. */
interface Group {
  readonly decision: FileDecision;
  /** Other paths that the decision holds for. */
  readonly along: readonly string[];
  /** Paths that git made up, and paths that this or another decision leaves nothing at. */
  readonly drop: readonly string[];
}

/** What the tree of the merge and each head have at the paths in question. */
interface Sides {
  readonly tree: ReadonlyMap<string, ConflictStage>;
  readonly heads: ReadonlyMap<Oid, ReadonlyMap<string, ConflictStage>>;
}

function groupsOf({ conflicts, open }: Through, heads: readonly Oid[], decisions: readonly FileDecision[]): Group[] {
  const named = new Set(decisions.map(({ path }) => path));
  const files = conflictFilesOf(conflicts);
  return decisions.map((decision) => {
    const mine = files.filter(({ path, related }) => path === decision.path || related.includes(decision.path));
    const paths = new Set(mine.flatMap(({ path, related }) => [path, ...related]));
    const along = [...paths].filter((path) => path !== decision.path && !named.has(path));
    const concerned = new Set([decision.path, ...along]);
    const madeUp = [...open].filter((raw) => {
      const original = originalPath(raw, heads);
      return original !== raw && concerned.has(original);
    });
    return { decision, along, drop: [...along.filter((path) => open.has(path)), ...madeUp] };
  });
}

async function sidesAt(room: MergeRoom, tree: Oid, heads: readonly Oid[], groups: readonly Group[]): Promise<Sides> {
  const paths = [...new Set(groups.flatMap(({ decision, along }) => [decision.path, ...along]))];
  const [merged, ...sides] = await Promise.all([tree, ...heads].map((one) => entriesAt(room, one, paths)));
  return { tree: merged ?? new Map(), heads: new Map(heads.map((head, i) => [head, sides[i] ?? new Map()])) };
}

function decide(
  { decision, along }: Group,
  { tree, heads }: Sides,
  texts: ReadonlyMap<string, Oid>,
  changes: Map<string, ConflictStage | null>,
): void {
  const { path } = decision;
  const versions = [...heads.values(), tree].map((side) => side.get(path));
  const known = [path, ...along].some((one) => [...heads.values(), tree].some((side) => side.has(one)));
  if (!known) throw new PeerweaveError('bad-request', `No side has a file ${path}.`);
  if (decision.use === 'delete') return void changes.set(path, null);
  if (decision.use === 'text') {
    const mode = versions.find((version) => version?.mode.startsWith('100'))?.mode ?? '100644';
    const oid = texts.get(path);
    if (oid !== undefined) changes.set(path, { mode, oid });
    return;
  }
  const side = heads.get(decision.tip);
  if (side === undefined) throw new PeerweaveError('bad-request', `${decision.tip.slice(0, 10)} is none of the sides.`);
  changes.set(path, side.get(path) ?? null);
  for (const other of along) {
    const theirs = side.get(other);
    // Where the side has the file by another name, that is where it goes; a file that merged by itself stays as it is.
    if (theirs !== undefined && (changes.has(other) || !tree.has(other))) changes.set(other, theirs);
  }
}

/** The blobs of texts that people wrote, by path; as they are, without anybody's filters. */
async function writeTexts(room: MergeRoom, decisions: readonly FileDecision[]): Promise<Map<string, Oid>> {
  const texts = decisions.filter((decision) => decision.use === 'text');
  if (texts.length === 0) return new Map();
  const files = texts.map((_, i) => room.path(`text-${i}`));
  for (const [i, { text }] of texts.entries()) await writeFile(files[i] ?? '', text);
  const input = files.map((file) => `${file}\n`).join('');
  const { stdout } = await room.run(['hash-object', '-w', '--no-filters', '--stdin-paths'], { input });
  const oids = stdout.split('\n').filter((line) => line !== '');
  return new Map(texts.map(({ path }, i) => [path, checkedOid(oids[i] ?? '')]));
}

async function writeTree(room: MergeRoom, tree: Oid, changes: ReadonlyMap<string, ConflictStage | null>): Promise<Oid> {
  if (changes.size === 0) return tree;
  const index = room.path('decided-index');
  await room.run(['read-tree', tree], { index });
  const none = '0'.repeat(tree.length);
  const gone = [...changes].filter(([, entry]) => entry === null).map(([path]) => `0 ${none}\t${path}\0`);
  const set = [...changes].flatMap(([path, entry]) =>
    entry === null ? [] : [`${entry.mode} ${entry.oid}\t${path}\0`],
  );
  // `--replace`: a file takes the place of a folder, or a folder that of a file.
  await room.run(['update-index', '--add', '--replace', '-z', '--index-info'], {
    index,
    input: [...gone, ...set].join(''),
  });
  return checkedOid((await room.run(['write-tree'], { index })).stdout);
}

const conflictFilesOf = (conflicts: Through['conflicts']): ConflictFile[] => conflicts.flatMap(({ files }) => files);

function checkedOid(stdout: string): Oid {
  const oid = stdout.trim();
  if (!isOid(oid)) throw new PeerweaveError('internal', 'git did not name the object that it wrote.');
  return oid;
}
