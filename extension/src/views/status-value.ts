import type { ConflictView, SessionView, Transfer } from '../rpc/model.ts';
import { conflictCounts, othersAtIt, partiesOf, STRATEGIES } from './conflict-words.ts';
import { plain } from './plain-text.ts';
import { count, percent } from './units.ts';
import { isJoining, isLive, sessionsOf, type ViewState } from './view-state.ts';

/** What the status-bar item shows: a value, so that it can be compared and tested. */
export interface StatusValue {
  /** May hold `$(icon)`s of ours; text of peers in it is neutralised. */
  readonly text: string;
  readonly tooltip: string;
  /** The same in words, for screen readers. */
  readonly accessible: string;
  readonly background?: 'warning' | 'error';
}

/** The status of the most urgent thing there is; undefined when there is nothing to say and no item is shown. */
export function statusValue(state: ViewState): StatusValue | undefined {
  if (!state.trusted) return undefined;
  if (state.engineStatus === 'failed') {
    return value('error', 'Peerweave stopped', 'The peer engine crashed too often. Click to start it again.', 'error');
  }
  const sessions = sessionsOf(state);
  const live = sessions.filter(isLive);
  if (state.engineStatus === 'restarting' && sessions.length > 0) {
    return value('sync~spin', 'Restarting', 'The peer engine crashed and is being started again.', 'warning');
  }
  const joining = sessions.find(isJoining);
  if (joining !== undefined) return joiningStatus(joining);
  if (live.length > 0) return liveStatus(live);
  const ended = sessions.find(({ phase }) => phase === 'ended');
  if (ended !== undefined) {
    const why = ended.error === undefined ? 'The session has ended.' : plain(ended.error.message, 300);
    return value('debug-disconnect', 'Session ended', why, 'warning');
  }
  return state.folders.some(({ kind }) => kind === 'ready')
    ? value('broadcast', 'Peerweave', 'Share this repository live, or join one. Click for what can be done.')
    : undefined;
}

function joiningStatus(session: SessionView): StatusValue {
  const name = plain(session.repoName, 30);
  switch (session.phase) {
    case 'waiting-approval':
      return value('watch', 'Waiting for approval', `The host of ${name} has been asked to let you in.`);
    case 'cloning':
      return value('sync~spin', `Cloning${progressText(session.transfer)}`, `Receiving ${name}.`);
    default:
      return value('sync~spin', 'Joining', `Connecting to the host of ${name}.`);
  }
}

function liveStatus(sessions: readonly SessionView[]): StatusValue {
  const all = <T>(list: (session: SessionView) => readonly T[]): T[] =>
    sessions.flatMap((session) => [...list(session)]);
  const tooltip = sessions.map(summary).join('\n');
  const [guest, ...others] = all(({ approvals }) => approvals);
  if (guest !== undefined) {
    const who = others.length === 0 ? plain(guest.name, 24) : `${others.length + 1} people`;
    const wants = others.length === 0 ? 'wants' : 'want';
    return value('person-add', `${who} ${wants} to join`, `${tooltip}\nClick to answer.`, 'warning');
  }
  const conflicts = sessions.reduce((sum, session) => sum + conflictCounts(session).toSettle, 0);
  if (conflicts > 0) {
    return value('git-merge', count(conflicts, 'conflict'), `${tooltip}\nClick to settle.`, 'warning');
  }
  const [settling] = sessions.flatMap(divergedIn);
  if (settling !== undefined) return value('sync~spin', `Settling ${plain(settling.branch, 24)}`, tooltip);
  const transfer = activeTransfer(sessions);
  if (transfer !== undefined) return value('sync~spin', `Syncing${progressText(transfer)}`, tooltip);
  const pending = all(({ pending: waiting }) => waiting).length;
  if (pending > 0) return value('inbox', count(pending, 'pending update'), tooltip);
  return peersStatus(sessions, tooltip);
}

function peersStatus(sessions: readonly SessionView[], tooltip: string): StatusValue {
  const peers = sessions.flatMap((session) => session.peers);
  const online = peers.filter(({ state }) => state === 'online');
  if (peers.length === 0) return value('broadcast', 'Sharing', tooltip);
  if (online.length === 0) {
    const returning = peers.some(({ state }) => state === 'reconnecting' || state === 'connecting');
    return value(returning ? 'sync~spin' : 'debug-disconnect', returning ? 'Reconnecting' : 'Nobody online', tooltip);
  }
  const synced = online.every(({ inSync }) => inSync);
  return value('broadcast', `${count(online.length, 'peer')}${synced ? ', in sync' : ''}`, tooltip);
}

/** The session's own transfer, else the first of a peer. */
const activeTransfer = (sessions: readonly SessionView[]): Transfer | undefined =>
  sessions.map((session) => session.transfer ?? session.peers.find(({ transfer }) => transfer)?.transfer).find(Boolean);

function progressText(transfer: Transfer | undefined): string {
  const done = transfer === undefined ? undefined : percent(transfer);
  return done === undefined ? '' : ` ${done}%`;
}

/** What peers moved back or deleted does not wait for anybody. */
const divergedIn = ({ conflicts }: SessionView): ConflictView[] => conflicts.filter(({ kind }) => kind === 'diverged');

function summary(session: SessionView): string {
  const { repoName, peers, pending, strategy } = session;
  const { diverged } = conflictCounts(session);
  const online = peers.filter(({ state }) => state === 'online').length;
  const parts = [peers.length === 0 ? 'nobody else yet' : `${online} of ${count(peers.length, 'peer')} online`];
  if (pending.length > 0) parts.push(count(pending.length, 'pending update'));
  if (diverged > 0) parts.push(count(diverged, 'conflict'));
  if (strategy !== 'manual') parts.push(`strategy ${STRATEGIES[strategy].label}`);
  return [
    `${plain(repoName)}: ${parts.join(', ')}`,
    ...divergedIn(session)
      .slice(0, MAX_LINES)
      .map((conflict) => `  ${conflictLine(session, conflict)}`),
  ].join('\n');
}

/** Conflicts that a tooltip lists. */
const MAX_LINES = 5;

const conflictLine = (session: SessionView, conflict: ConflictView): string =>
  [
    `${plain(conflict.branch, 40)}: ${partiesOf(session, conflict)}`,
    ...othersAtIt(session, conflict).map(({ name }) => `${plain(name, 30)} is at it`),
  ].join(', ');

function value(icon: string, words: string, tooltip: string, background?: 'warning' | 'error'): StatusValue {
  const base = { text: `$(${icon}) ${words}`, tooltip, accessible: `Peerweave: ${words}` };
  return background === undefined ? base : { ...base, background };
}
