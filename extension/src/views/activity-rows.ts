import type { ActivityEntry } from '../rpc/conflicts.ts';
import type { SessionView } from '../rpc/model.ts';
import type { Activity } from './activity-log.ts';
import { fromTo, headline, undoInWords } from './activity-words.ts';
import { ago, type Times } from './ago.ts';
import { short } from './conflict-words.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { isLive, sessionsOf, type ViewState } from './view-state.ts';

/** The Activity view: what moved, newest first, under a row a session when there are several. */
export function activityRows(
  state: ViewState,
  lookUp: (repo: string) => Activity | undefined,
  times: Times,
): readonly Row[] {
  const sessions = state.trusted ? sessionsOf(state).filter(isLive) : [];
  const [only] = sessions;
  if (only === undefined) return [];
  if (sessions.length === 1) return rowsOfSession(only, lookUp(only.repo), times);
  return sessions.map((session) => ({
    id: session.repo,
    label: plain(session.repoName),
    icon: 'repo',
    context: 'session',
    accessible: `Activity of ${plain(session.repoName)}`,
    children: rowsOfSession(session, lookUp(session.repo), times),
    expanded: true,
    target: { repo: session.repo },
  }));
}

function rowsOfSession({ repo }: SessionView, activity: Activity | undefined, times: Times): readonly Row[] {
  if (activity === undefined) return [];
  if ('failure' in activity) return [failureRow(repo, activity.failure)];
  return activity.entries.map((entry) => entryRow(repo, entry, times));
}

function entryRow(repo: string, entry: ActivityEntry, times: Times): Row {
  const { id, kind, branch, by, at, undone, undoable } = entry;
  const { icon, text } = headline(entry);
  const who = by === undefined ? 'you' : plain(by, 30);
  const when = ago(at, times);
  return {
    id: `${repo}#activity:${id}`,
    label: text,
    description: [undone && 'undone', who, when, fromTo(entry)].filter((part) => part !== false).join(' · '),
    tooltip: [
      text,
      `${who === 'you' ? 'You' : who}, ${times.full(at)}`,
      `${entry.from ?? 'nothing'} → ${entry.to ?? 'nothing'}`,
      undone && 'This was undone.',
      undoable && `Undo: ${undoInWords(entry)}`,
      kind === 'own-merge' && `A commit of your own: git reset --keep ${short(entry.from ?? '')} takes it back.`,
    ]
      .filter((line) => line !== false)
      .join('\n'),
    icon,
    ...(undone ? { color: 'disabledForeground' } : {}),
    context: undoable ? 'activity.undoable' : 'activity',
    accessible: [text, `by ${who}`, when, undone && 'undone'].filter((part) => part !== false).join(', '),
    target: { repo, branch, entry: id },
  };
}

function failureRow(repo: string, failure: string): Row {
  const why = plain(failure, 300);
  return {
    id: `${repo}#activity-failure`,
    label: 'Could not be read',
    description: why,
    tooltip: why,
    icon: 'error',
    color: 'list.errorForeground',
    context: 'failure',
    accessible: `The activity could not be read: ${why}`,
  };
}
