import { PeerweaveError } from '../../../shared/errors.ts';
import type { Oid } from '../../../shared/ids.ts';
import type { ResolveOutcome, ResolveRequest } from '../resolution.ts';
import { decidedTree, undecidedFiles } from './decided-tree.ts';
import { asFileFailure } from './git-failure.ts';
import type { MergeContext } from './merge-commit.ts';
import { treeOf } from './merge-fold.ts';
import { writeCommit } from './merge-object.ts';
import { MergeRoom } from './merge-room.ts';
import { mergeThrough } from './merge-through.ts';
import { ownStamp } from './own-identity.ts';
import { publishCommit } from './publish-commit.ts';

/** A merge with thousands of files may take a while; a person sees that it goes on. */
const TIMEOUT_MS = 120_000;

/**
 * See `Repository.resolve`. Made of git's plumbing: no hook of the user's runs, and nothing signs the commit. What it is about is in the
 * repository only when all of it is.
 */
export async function resolveMerge(context: MergeContext, request: ResolveRequest): Promise<ResolveOutcome> {
  const { git, gitDir, format } = context;
  const { heads, signal } = request;
  const room = await MergeRoom.open(git, gitDir, { format, signal, timeoutMs: TIMEOUT_MS });
  try {
    const made = await resolvedTree(room, request);
    if (typeof made !== 'string') return made;
    const stamp = await ownStamp(git, gitDir, request.author);
    const commit = await writeCommit(room, [
      `tree ${made}\n`,
      ...heads.map((head) => `parent ${head}\n`),
      `author ${stamp}\ncommitter ${stamp}\n\n`,
      tidy(request.message),
    ]);
    await publishCommit(context, room, { commit, parents: heads });
    return { outcome: 'committed', commit };
  } catch (error) {
    throw asFileFailure(error);
  } finally {
    await room.close();
  }
}

async function resolvedTree(room: MergeRoom, { heads, tree }: ResolveRequest): Promise<Oid | ResolveOutcome> {
  if ('take' in tree) {
    if (heads.includes(tree.take)) return treeOf(room, tree.take);
    throw new PeerweaveError('bad-request', 'The side to take is none of those that are merged.');
  }
  const through = await mergeThrough(room, heads);
  if (through.unrelated.length > 0) return { outcome: 'unrelated' };
  const files = undecidedFiles(through, tree.merge);
  return files.length > 0 ? { outcome: 'undecided', files } : decidedTree(room, through, heads, tree.merge);
}

/** As git would have it: no NUL, no white space at the ends of lines, one line break at the end. */
function tidy(message: string): string {
  const lines = message
    .replaceAll('\0', '')
    .split(/\r?\n/)
    .map((line) => line.trimEnd());
  return `${lines.join('\n').replace(/^\n+/, '').trimEnd()}\n`;
}
