import type { ConflictView, SessionView } from '../rpc/model.ts';
import type { ConflictDetail } from '../rpc/conflicts.ts';
import { needsPeople } from '../rpc/needs-people.ts';
import { ago, type Times } from './ago.ts';
import type { Known, LookUp } from './conflict-details.ts';
import { fileRows } from './conflict-file-rows.ts';
import { sideRow } from './conflict-side-rows.ts';
import {
  conflictCounts,
  conflictingFiles,
  othersAtIt,
  partiesOf,
  SETTLING,
  short,
  STRATEGIES,
} from './conflict-words.ts';
import { plain } from './plain-text.ts';
import type { Row, RowTarget } from './row.ts';
import { count } from './units.ts';
import { isLive, sessionsOf, type ViewState } from './view-state.ts';

/** The Conflicts tree: a row a conflict, under a row a session when several have some. */
export function conflictRows(state: ViewState, lookUp: LookUp, times: Times): readonly Row[] {
  const sessions = state.trusted
    ? sessionsOf(state).filter((session) => isLive(session) && session.conflicts.length > 0)
    : [];
  const [only] = sessions;
  if (only === undefined) return [];
  if (sessions.length === 1) return rowsOfSession(only, lookUp, times);
  return sessions.map((session) => ({
    id: session.repo,
    label: plain(session.repoName),
    icon: 'repo',
    context: 'session',
    accessible: `${plain(session.repoName)}, ${count(conflictCounts(session).all, 'conflict')}`,
    children: rowsOfSession(session, lookUp, times),
    expanded: true,
    target: { repo: session.repo },
  }));
}

/** What blocks a branch comes before what is only shown. */
function rowsOfSession(session: SessionView, lookUp: LookUp, times: Times): readonly Row[] {
  const order = [...session.conflicts].sort((a, b) => Number(b.kind === 'diverged') - Number(a.kind === 'diverged'));
  const alone = conflictCounts(session).diverged === 1;
  const rows = order.map((conflict): Row => {
    const known = lookUp(session.repo, conflict);
    const row = conflictRow(session, conflict, known);
    const opened =
      known === undefined ? { lazy: true as const } : { children: insides(session, conflict, known, times) };
    return { ...row, ...opened, ...(alone && conflict.kind === 'diverged' ? { expanded: true } : {}) };
  });
  return [...rows, ...moreRow(session)];
}

function moreRow({ repo, moreConflicts }: SessionView): readonly Row[] {
  if (moreConflicts === undefined) return [];
  const text = `and ${moreConflicts.all} more: settle some of these first`;
  return [{ id: `${repo}#more`, label: '…', description: text, icon: 'blank', context: 'more', accessible: text }];
}

const ICONS: Record<ConflictView['kind'], { icon: string; color?: string }> = {
  diverged: { icon: 'git-merge', color: 'list.warningForeground' },
  'rewound-there': { icon: 'history' },
  'deleted-there': { icon: 'trash' },
};

function conflictRow(session: SessionView, conflict: ConflictView, known: Known | undefined): Row {
  const { kind, branch, settling, candidates } = conflict;
  const name = plain(branch);
  const [somebody] = othersAtIt(session, conflict);
  const outcome = known === undefined || 'failure' in known ? undefined : outcomeOf(known.detail);
  const notes = (words: string | undefined): string[] => [
    partiesOf(session, conflict),
    ...(words === undefined ? [] : [words]),
    ...(somebody === undefined ? [] : [`${plain(somebody.name, 30)} is at it`]),
  ];
  const inFull = notes(outcome?.words).join(', ');
  return {
    id: conflictRowId(session.repo, conflict),
    label: name,
    description: notes(outcome?.brief ?? outcome?.words).join(' · '),
    tooltip: tooltipOf(session, conflict, inFull),
    ...(settling === 'under-way' ? { icon: 'sync~spin' } : ICONS[kind]),
    context: `conflict.${kind}`,
    accessible: `${kind === 'diverged' ? 'Conflict on' : 'Branch'} ${name}: ${inFull.replace(/ ↔ /g, ' and ')}`,
    target: targetOf(session, conflict, candidates.length === 2 ? theirTip(conflict) : undefined),
  };
}

/** Of the branch, not of its commits, so that a row stays open when a peer pushes; a branch can have been moved back to several places. */
export const conflictRowId = (repo: string, conflict: ConflictView): string =>
  [
    `${repo}#${conflict.kind}:${conflict.branch}`,
    ...(conflict.kind === 'rewound-there' ? [theirTip(conflict)] : []),
  ].join(':');

const theirTip = ({ candidates }: ConflictView): string => candidates.find(({ mine }) => !mine)?.oid ?? '';

function targetOf({ repo }: SessionView, { branch }: ConflictView, tip?: string): RowTarget {
  return tip === undefined || tip === '' ? { repo, branch } : { repo, branch, tip };
}

/** How the merge comes out; `brief` where there is little room. */
function outcomeOf(detail: ConflictDetail): { readonly words: string; readonly brief?: string } | undefined {
  if (detail.kind !== 'diverged') return undefined;
  switch (detail.outcome) {
    case 'conflicts': {
      const brief = `${count(conflictingFiles(detail).length, 'file')}${detail.moreFiles ? ' or more' : ''}`;
      return { words: `${brief} to settle`, brief };
    }
    case 'clean':
      return { words: 'merges by itself' };
    case 'unrelated':
      return { words: 'no common history' };
    case 'same-tree':
    case 'patch-equal':
      return { words: 'the same changes' };
  }
}

function tooltipOf(session: SessionView, conflict: ConflictView, notes: string): string {
  const { branch, kind, candidates, bases } = conflict;
  const sides = candidates.map(({ oid, owners, mine }) => {
    const who = [...(mine ? ['you'] : []), ...owners.filter((owner) => !mine || owner !== session.self.name)];
    return `${short(oid)}  ${who.map((name) => plain(name)).join(', ')}`;
  });
  return [
    `${plain(branch, 255)}: ${notes}`,
    ...sides,
    bases.length > 0 && `Last in common: ${bases.map(short).join(', ')}`,
    kind === 'diverged'
      ? 'The branch stays where it is, on every side, until this is settled. Everything else goes on.'
      : 'Nothing happens to your branch by itself. Follow goes with them, and keeps what you had.',
  ]
    .filter((line) => line !== false)
    .join('\n');
}

/** What is under a conflict: who is at it, what the strategy does, the sides, the files. */
function insides(session: SessionView, conflict: ConflictView, known: Known, times: Times): readonly Row[] {
  const id = conflictRowId(session.repo, conflict);
  const sides = conflict.candidates.map((candidate) =>
    sideRow(session, conflict, candidate, 'detail' in known ? known.detail : undefined, times),
  );
  const people = othersAtIt(session, conflict).map(({ name, since }) => resolvingRow(id, name, since, times));
  const rows = [...people, ...strategyRow(session, conflict, id), ...sides];
  if ('failure' in known) return [...rows, failureRow(id, known.failure)];
  return [...rows, ...(conflict.kind === 'diverged' ? fileRows(session.repo, known.detail) : [])];
}

function resolvingRow(id: string, name: string, since: number, times: Times): Row {
  const who = plain(name, 30);
  return {
    id: `${id}#resolving:${name}`,
    label: `${who} is resolving it`,
    description: `since ${ago(since, times).replace(/ ago$/, '')}`.replace('since just now', 'just now'),
    tooltip: `${who} has had the resolution page of this branch open since ${times.full(since)}. What they finish reaches you by itself.`,
    icon: 'edit',
    context: 'resolving',
    accessible: `${who} is resolving it, since ${times.full(since)}`,
  };
}

/** Silent about `manual`, which does nothing. */
function strategyRow(session: SessionView, conflict: ConflictView, id: string): readonly Row[] {
  const { strategy, settling, kind } = conflict;
  if (kind !== 'diverged' || strategy === 'manual') return [];
  const { label, explanation } = STRATEGIES[strategy];
  const how = settling === undefined ? 'waits until the branch can move' : SETTLING[settling];
  return [
    {
      id: `${id}#strategy`,
      label,
      description: how,
      tooltip: `${label}: ${how}\n${explanation}`,
      icon: needsPeople(conflict) ? 'debug-pause' : 'sync~spin',
      context: 'strategy',
      accessible: `Strategy ${label}: ${how}`,
      command: 'peerweave.setStrategy',
      target: targetOf(session, conflict),
    },
  ];
}

function failureRow(id: string, failure: string): Row {
  const why = plain(failure, 300);
  return {
    id: `${id}#failure`,
    label: 'Could not be read',
    description: why,
    tooltip: `${why}\nClick to try again.`,
    icon: 'error',
    color: 'list.errorForeground',
    context: 'failure',
    accessible: `Could not be read: ${why}. Press Enter to try again.`,
    command: 'peerweave.refreshConflicts',
  };
}
