import type { Oid } from '../../../shared/ids.ts';
import type { ConflictFile, ConflictKind } from '../merge.ts';
import type { MergeTreeResult, Stages } from './merge-tree.ts';

/** The kinds by git's stable words (merge-ort.c, `type_short_descriptions`); two of them come without a space. */
const KINDS: readonly { readonly type: RegExp; readonly kind: ConflictKind }[] = [
  { type: /^CONFLICT \(contents\)$/, kind: 'content' },
  { type: /^CONFLICT \(binary\)$/, kind: 'binary' },
  { type: /^CONFLICT \(file\/directory\)$/, kind: 'directory/file' },
  { type: /^CONFLICT \(distinct modes\)$/, kind: 'mode' },
  { type: /^CONFLICT \(modify\/delete\)$/, kind: 'modify/delete' },
  { type: /^CONFLICT \(rename\/rename\)$/, kind: 'rename/rename' },
  { type: /^CONFLICT \(rename involved in collision\)$/, kind: 'rename/rename' },
  { type: /^CONFLICT \(rename\/delete\)$/, kind: 'rename/delete' },
  { type: /^CONFLICT ?\((?:directory rename .*|file in way of directory rename)\)$/, kind: 'directory-rename' },
  { type: /^CONFLICT \(submodule.*\)$/, kind: 'submodule' },
];

const AUTO_MERGING = 'Auto-merging';

const kindOf = (type: string): ConflictKind | undefined =>
  KINDS.find((known) => known.type.test(type))?.kind ?? (type.startsWith('CONFLICT') ? 'other' : undefined);

/** Paths that git merged line by line, and that came out without a conflict. */
export function mergedPaths({ messages, stages }: MergeTreeResult): string[] {
  const inConflict = new Set(messages.filter(({ type }) => kindOf(type) !== undefined).flatMap(({ paths }) => paths));
  const merged = messages.filter(({ type }) => type === AUTO_MERGING).map(({ paths: [path = ''] }) => path);
  return [...new Set(merged)].filter((path) => !inConflict.has(path) && !stages.has(path)).sort();
}

/**
 * The files of a merge that do not merge, by path. One conflict may be about several paths, and a path in several conflicts: each
 * message is put down with the first of its paths that has stages, the others are named there as related. Where a file and a folder
 * meet git moves the file to `<path>~<tip>`; it is named as its side has it.
 */
export function conflictFiles(result: MergeTreeResult, tips: readonly Oid[]): ConflictFile[] {
  const asNamed = (path: string): string => originalPath(path, tips);
  const kinds = new Map<string, Set<ConflictKind>>();
  const related = new Map<string, Set<string>>();
  for (const { paths, type } of result.messages) {
    const kind = kindOf(type);
    if (kind === undefined) continue;
    const primary = paths.find((path) => result.stages.has(path)) ?? paths[0] ?? '';
    add(kinds, primary, kind);
    for (const path of paths) if (path !== primary) add(related, primary, path);
  }
  // What has stages and no message of its own belongs to another's conflict: the far end of a rename.
  const told = new Set([...kinds.keys(), ...[...related.values()].flatMap((paths) => [...paths])]);
  for (const path of result.stages.keys()) if (!told.has(path)) add(kinds, path, 'other');
  return [...kinds.keys()].sort().map((path) => {
    const stages = result.stages.get(path) ?? {};
    const others = [...(related.get(path) ?? [])].map(asNamed).filter((other) => other !== asNamed(path));
    return {
      path: asNamed(path),
      kinds: [...refine(kinds.get(path) ?? new Set(), stages)].sort(),
      related: [...new Set(others)].sort(),
      base: stages[1],
      ours: stages[2],
      theirs: stages[3],
    };
  });
}

/** The path that a side has the file at, where git moved it out of a folder's way. */
export function originalPath(path: string, tips: readonly Oid[]): string {
  const mark = path.lastIndexOf('~');
  return mark > 0 && tips.includes(path.slice(mark + 1).replace(/_\d+$/, '') as Oid) ? path.slice(0, mark) : path;
}

/** Git says `contents` for whatever it tried to merge as text; the stages tell more. */
function refine(kinds: ReadonlySet<ConflictKind>, stages: Stages): Set<ConflictKind> {
  const refined = new Set(kinds);
  if (!refined.has('content')) return refined;
  const { 1: base, 2: ours, 3: theirs } = stages;
  if (refined.has('binary') || refined.has('submodule')) refined.delete('content');
  if (ours === undefined || theirs === undefined) return refined;
  if (ours.mode !== theirs.mode && ours.mode !== base?.mode && theirs.mode !== base?.mode) {
    refined.add('mode');
    if (ours.oid === theirs.oid) refined.delete('content');
  }
  if (base === undefined && refined.delete('content')) refined.add('add/add');
  return refined;
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  map.set(key, (map.get(key) ?? new Set<V>()).add(value));
}
