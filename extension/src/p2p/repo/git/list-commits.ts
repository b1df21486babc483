import type { Oid } from '../../../shared/ids.ts';
import type { CommitSummary } from '../merge.ts';
import type { MergeContext } from './merge-commit.ts';
import { MergeRoom } from './merge-room.ts';

/** What a person looks through; the rest is said to exist. */
export const MAX_COMMITS = 200;

/** See `Repository.commitsOf`. */
export async function commitsOf(
  { git, gitDir, format }: MergeContext,
  tip: Oid,
  others: readonly Oid[],
): Promise<{ commits: CommitSummary[]; more: boolean }> {
  const room = await MergeRoom.open(git, gitDir, { format });
  try {
    const commits = await listCommits(room, tip, others);
    return { commits: commits.slice(0, MAX_COMMITS), more: commits.length > MAX_COMMITS };
  } finally {
    await room.close();
  }
}

/** Newest first, one more than is shown. */
export async function listCommits(room: MergeRoom, tip: Oid, others: readonly Oid[]): Promise<CommitSummary[]> {
  // NUL is what no part of a commit holds; `%s` folds the subject into one line.
  const format = '--format=%H%x00%an%x00%at%x00%s%x00';
  // By stdin: there may be thousands of others.
  const args = ['rev-list', '--no-commit-header', `--max-count=${MAX_COMMITS + 1}`, format, '--stdin'];
  const input = [tip, ...others.map((other) => `^${other}`)].map((line) => `${line}\n`).join('');
  const { stdout } = await room.run(args, { input });
  const fields = stdout.split('\0');
  const commits: CommitSummary[] = [];
  for (let i = 0; i + 3 < fields.length; i += 4) {
    const [oid = '', author = '', time = '', subject = ''] = fields.slice(i, i + 4);
    commits.push({
      oid: oid.trim() as Oid,
      author: plain(author),
      time: Number(time) || 0,
      subject: plain(subject),
    });
  }
  return commits;
}

/** One line of visible characters, whatever a peer wrote: control characters and what turns the reading direction are replaced. */
const plain = (text: string): string => text.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '\u{fffd}').slice(0, 500);
