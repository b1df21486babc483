import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isOid, type Oid, type RefName } from '../../../shared/ids.ts';
import { hasMarkersOf } from '../conflict-markers.ts';
import type { MarkerFile, MarkerFileState, MarkerMerge } from '../marker-merge.ts';
import { isMissing, readText } from './files.ts';
import type { Git } from './git.ts';
import type { RefReader } from './ref-reader.ts';
import { at, type Place } from './worktree-update.ts';
import { listWorktrees, type Worktree } from './worktrees.ts';

/**
 * A merge with markers is git's own merge and nothing else: `MERGE_HEAD`, the sides in the index, `AUTO_MERGE` with the tree that has the
 * markers. That it was begun here, and what the markers call the other side, is told by a ref on the other side's commit:
 * `refs/peerweave/merging/<whose>-<short id>`.
 */

const MERGING_PREFIX = 'refs/peerweave/merging/';

export interface MarkerMergeContext {
  readonly git: Git;
  /** The common git directory. */
  readonly gitDir: string;
  readonly refs: RefReader;
}

/** What the other side is called, in the ref and in the markers. */
export const labelOf = (whose: string, theirs: Oid): string => `peerweave/merging/${whose}-${theirs.slice(0, 7)}`;
export const mergingRef = (label: string): RefName => `refs/${label}` as RefName;

/** A merge, and where it is. */
export interface LocatedMerge extends MarkerMerge {
  readonly worktree: Worktree;
}

/** The merge that was begun here and is not ended. Without one in any worktree no process is started. */
export async function findMarkerMerge({ git, gitDir, refs }: MarkerMergeContext): Promise<LocatedMerge | undefined> {
  const merging = (await listWorktrees(refs, gitDir)).filter(({ operation }) => operation === 'merge');
  if (merging.length === 0) return undefined;
  const labels = await mergingLabels(git, gitDir);
  for (const worktree of merging) {
    const theirs = (await readText(join(worktree.gitDir, 'MERGE_HEAD')))?.trim() ?? '';
    const label = labels.find(({ oid }) => oid === theirs)?.label;
    if (label === undefined || !isOid(theirs)) continue;
    const ours = await headOf(git, worktree);
    if (ours !== undefined) return { root: worktree.root, branch: worktree.head, ours, theirs, label, worktree };
  }
  return undefined;
}

/** What merges were begun by, whether they still go on or not. */
export async function mergingLabels(git: Git, gitDir: string): Promise<{ label: string; oid: Oid }[]> {
  const { stdout } = await git.run(['for-each-ref', '--format=%(objectname) %(refname)', MERGING_PREFIX], { gitDir });
  return stdout.split('\n').flatMap((line) => {
    const [oid = '', ref = ''] = line.split(' ');
    return isOid(oid) ? [{ oid, label: ref.slice('refs/'.length) }] : [];
  });
}

export async function dropLabel(git: Git, gitDir: string, label: string): Promise<void> {
  await git.run(['update-ref', '--no-deref', '-d', mergingRef(label)], { gitDir, write: true });
}

export async function headOf(git: Git, worktree: Worktree): Promise<Oid | undefined> {
  const { stdout } = await git.run(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    ...at(worktree),
    answers: [0, 1],
  });
  const oid = stdout.trim();
  return isOid(oid) ? oid : undefined;
}

/** What the sides differ in by the index: paths with stages. */
export async function unmergedPaths(git: Git, worktree: Place): Promise<Set<string>> {
  const { stdout } = await git.run(['ls-files', '-u', '-z'], at(worktree));
  return new Set(
    stdout
      .split('\0')
      .map((entry) => entry.slice(entry.indexOf('\t') + 1))
      .filter(Boolean),
  );
}

/** Paths that git wrote markers of this merge into. */
export async function markedPaths(git: Git, { worktree, label }: LocatedMerge): Promise<Set<string>> {
  // The label is made of letters, digits, `-` and `/`.
  const pattern = `^>{7,} ${label}[[:space:]]*$`;
  const args = ['grep', '--no-color', '--text', '-l', '-z', '-E', '-e', pattern, 'AUTO_MERGE', '--'];
  // Without the tree (a git that does not write it, somebody removed it) there is an error.
  const { stdout } = await git.run(args, { ...at(worktree), answers: [0, 1, 128] });
  return new Set(
    stdout
      .split('\0')
      .map((entry) => entry.slice('AUTO_MERGE:'.length))
      .filter(Boolean),
  );
}

/** A file of the merge, and whether git wrote markers into it. */
export interface FoundFile extends MarkerFile {
  readonly marked: boolean;
}

/** Every file of the merge that did not merge by itself, by path. */
export async function findMarkerFiles(git: Git, merge: LocatedMerge): Promise<FoundFile[]> {
  const { worktree, label } = merge;
  const [unmerged, marked] = await Promise.all([unmergedPaths(git, worktree), markedPaths(git, merge)]);
  const paths = [...new Set([...unmerged, ...marked])].sort();
  return Promise.all(
    paths.map(async (path) => {
      const wasMarked = marked.has(path);
      const state = await stateOf(join(worktree.root, path), label, wasMarked || !unmerged.has(path));
      return { path, state, marked: wasMarked };
    }),
  );
}

async function stateOf(file: string, label: string, decidedWithoutMarkers: boolean): Promise<MarkerFileState> {
  if (hasMarkersOf(await contentOf(file), label)) return 'markers';
  return decidedWithoutMarkers ? 'resolved' : 'unmerged';
}

/** Bytes as characters: markers are ASCII in whatever encoding the rest is. Empty for what is no file (any more). */
async function contentOf(file: string): Promise<string> {
  try {
    return (await lstat(file)).isFile() ? await readFile(file, 'latin1') : '';
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}
