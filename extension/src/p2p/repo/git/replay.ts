import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { ReplayOutcome, ReplayRequest } from '../resolution.ts';
import type { MergeContext } from './merge-commit.ts';
import { mergeStep, treeOf } from './merge-fold.ts';
import { writeCommit, writeMergeCommit } from './merge-object.ts';
import { MergeRoom } from './merge-room.ts';
import { mergeBases } from './merge-tree.ts';
import { ownStamp } from './own-identity.ts';
import { publishCommit } from './publish-commit.ts';

/** More commits than a live session leaves behind in days; a rebase of more is for `git rebase`. */
const MAX_COMMITS = 1_000;
/** Some processes a commit. */
const TIMEOUT_MS = 300_000;

/**
 * See `Repository.replay`: what `git rebase` does, without a worktree, an index or a hook. A commit that brings nothing new is left out,
 * as there.
 */
export async function replay(context: MergeContext, request: ReplayRequest): Promise<ReplayOutcome> {
  const { git, gitDir, format } = context;
  const { tip, onto, signal } = request;
  const room = await MergeRoom.open(git, gitDir, { format, signal, timeoutMs: TIMEOUT_MS });
  try {
    if ((await mergeBases(room, [tip, onto])).length === 0) return { outcome: 'unrelated' };
    const commits = await commitsToReplay(room, tip, onto);
    const merge = commits.find(({ parents }) => parents.length !== 1);
    if (merge !== undefined) return { outcome: 'merges', at: merge.oid };
    const committer = await ownStamp(git, gitDir, request.author);
    let at = onto;
    for (const commit of commits) {
      const next = await replayOne(room, commit, at, committer);
      if (typeof next !== 'string') return next;
      at = next;
    }
    if (at !== onto) await publishCommit(context, room, { commit: at, parents: [onto] });
    return { outcome: 'replayed', commit: at };
  } finally {
    await room.close();
  }
}

interface Commit {
  readonly oid: Oid;
  readonly parents: readonly Oid[];
}

/** Oldest first. */
async function commitsToReplay(room: MergeRoom, tip: Oid, onto: Oid): Promise<Commit[]> {
  const { stdout } = await room.run([
    'rev-list',
    '--reverse',
    '--topo-order',
    '--parents',
    `--max-count=${MAX_COMMITS + 1}`,
    tip,
    '--not',
    onto,
  ]);
  const commits = stdout.split('\n').flatMap((line) => {
    const [oid, ...parents] = line.split(' ').filter((word) => isOid(word));
    return oid === undefined ? [] : [{ oid, parents }];
  });
  if (commits.length <= MAX_COMMITS) return commits;
  throw new PeerweaveError('bad-request', `More than ${MAX_COMMITS} commits: rebase them with git rebase.`);
}

/** The commit again on top of `at`; `at` itself when it brings nothing new. */
async function replayOne(
  room: MergeRoom,
  { oid, parents }: Commit,
  at: Oid,
  committer: string,
): Promise<Oid | ReplayOutcome> {
  // `merge-tree --merge-base` is newer than the oldest git that we take: a commit on the right parent gives the same base.
  const tree = await treeOf(room, at);
  const stand = await writeMergeCommit(room, { tree, parents, message: 'between\n' });
  const step = await mergeStep(room, stand, oid, [stand, oid]);
  if (step.tree === undefined) return { outcome: 'conflicts', at: oid, files: step.files };
  if (step.tree === tree) return at;
  const { author, encoding, message } = await readCommit(room, oid);
  return writeCommit(room, [
    `tree ${step.tree}\nparent ${at}\n`,
    ...author,
    `committer ${committer}\n`,
    ...encoding,
    '\n',
    message,
  ]);
}

/** Who wrote a commit, in which encoding, and what it says. A signature is of the commit that it was, and stays behind. */
async function readCommit(
  room: MergeRoom,
  oid: Oid,
): Promise<{ author: Buffer[]; encoding: Buffer[]; message: Buffer }> {
  const { bytes } = await room.read(['cat-file', 'commit', oid]);
  const end = bytes.indexOf('\n\n');
  if (end < 0) throw new PeerweaveError('internal', `The commit ${oid} cannot be read.`);
  // Latin 1 gives every byte back as it was.
  const headers = bytes.subarray(0, end).toString('latin1').split('\n');
  const ofKind = (kind: string): Buffer[] =>
    headers.filter((line) => line.startsWith(`${kind} `)).map((line) => Buffer.from(`${line}\n`, 'latin1'));
  return { author: ofKind('author'), encoding: ofKind('encoding'), message: bytes.subarray(end + 2) };
}
