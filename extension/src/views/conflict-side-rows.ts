import type { ConflictDetail, ConflictSide } from '../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import { ago, type Times } from './ago.ts';
import { changedRows } from './conflict-file-rows.ts';
import { ownersOf, short } from './conflict-words.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { count } from './units.ts';

type Candidate = ConflictView['candidates'][number];

/** One side of a conflict, and under it the commits that no other side has. */
export function sideRow(
  session: SessionView,
  conflict: ConflictView,
  candidate: Candidate,
  detail: ConflictDetail | undefined,
  times: Times,
): Row {
  const side = detail?.sides.find(({ tip }) => tip === candidate.oid);
  const who = ownersOf(session, candidate);
  const label = who.charAt(0).toUpperCase() + who.slice(1);
  const facts = side === undefined ? [] : factsOf(side, times);
  const id = `${session.repo}#${conflict.kind}:${conflict.branch}#side:${candidate.oid}`;
  return {
    id,
    label,
    description: [...facts, short(candidate.oid)].join(' · '),
    tooltip: tooltipOf(session, candidate, side, times),
    icon: candidate.mine ? 'account' : 'person',
    context: `candidate.${candidate.mine ? 'mine' : 'theirs'}.${conflict.kind}`,
    accessible: [`Side of ${who}`, ...facts, `commit ${short(candidate.oid)}`].join(', '),
    ...(side === undefined || side.commits.length === 0
      ? {}
      : { children: [...commitRows(id, side, times), ...changedRows(id, session.repo, conflict.branch, side)] }),
    target: { repo: session.repo, branch: conflict.branch, tip: candidate.oid },
  };
}

/** `2 commits`, `5 min ago`. */
function factsOf({ commits, moreCommits }: ConflictSide, times: Times): string[] {
  const [newest] = commits;
  if (newest === undefined) return ['nothing of its own'];
  return [
    moreCommits ? `more than ${count(commits.length, 'commit')}` : count(commits.length, 'commit'),
    ago(newest.time * 1000, times),
  ];
}

function tooltipOf({ self }: SessionView, candidate: Candidate, side: ConflictSide | undefined, times: Times): string {
  const { owners, mine, oid } = candidate;
  const others = owners.filter((owner) => !mine || owner !== self.name).map((owner) => plain(owner));
  const [newest] = side?.commits ?? [];
  return [
    [...(mine ? ['you'] : []), ...others].join(', '),
    oid,
    side !== undefined && `${count(side.changedFiles, 'file')} changed`,
    newest !== undefined && `Newest: ${plain(newest.subject, 200)}`,
    newest !== undefined && `By ${plain(newest.author)}, ${times.full(newest.time * 1000)}`,
  ]
    .filter((line) => line !== false)
    .join('\n');
}

function commitRows(id: string, { commits, moreCommits }: ConflictSide, times: Times): readonly Row[] {
  const rows = commits.map(({ oid, author, time, subject }): Row => {
    const title = plain(subject, 100) || '(no message)';
    const when = ago(time * 1000, times);
    return {
      id: `${id}:${oid}`,
      label: title,
      description: `${plain(author, 30)} · ${when}`,
      tooltip: [plain(subject, 500), `${plain(author)}, ${times.full(time * 1000)}`, oid].join('\n'),
      icon: 'git-commit',
      context: 'commit',
      accessible: `Commit ${title} by ${plain(author, 30)}, ${when}`,
    };
  });
  if (!moreCommits) return rows;
  const text = 'Older commits are not listed';
  return [
    ...rows,
    { id: `${id}:more`, label: '…', description: text, icon: 'blank', context: 'more', accessible: text },
  ];
}
