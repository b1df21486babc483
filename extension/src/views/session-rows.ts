import type { ApprovalView, NoticeView, PendingView, SessionView } from '../rpc/model.ts';
import { peerRow, selfRow, transferText, type Clock } from './peer-row.ts';
import { plain } from './plain-text.ts';
import type { Row } from './row.ts';
import { count } from './units.ts';
import { isJoining, sessionsOf, type ViewState } from './view-state.ts';

/**
 * The Peers tree: one session's rows at the top level, or a row per session when there are several. A session that is still
 * being joined has no rows: the view's welcome text says how far it is.
 */
export function rowsOf(state: ViewState, clock: Clock): readonly Row[] {
  if (!state.trusted) return [];
  const sessions = sessionsOf(state).filter((session) => !isJoining(session));
  const [only] = sessions;
  if (only === undefined) return [];
  return sessions.length === 1 ? sessionRows(only, clock) : sessions.map((session) => sessionGroup(session, clock));
}

function sessionGroup(session: SessionView, clock: Clock): Row {
  const name = plain(session.repoName);
  return {
    id: session.repo,
    label: name,
    icon: 'repo',
    context: `session.${session.phase}`,
    accessible: `Session ${name}, ${count(session.peers.length, 'peer')}`,
    children: sessionRows(session, clock),
    expanded: true,
    target: { repo: session.repo },
  };
}

/** You first, then whoever waits for an answer, then the peers, then what asks for attention. */
function sessionRows(session: SessionView, clock: Clock): readonly Row[] {
  const { repo } = session;
  if (session.phase === 'ended') return [endedRow(session)];
  return [
    selfRow(session),
    ...session.approvals.map((approval) => approvalRow(repo, approval, clock)),
    ...session.peers.map((peer) => peerRow(repo, peer, clock)),
    ...aloneRow(session),
    ...signalingRow(session),
    ...transferRow(session),
    ...group(
      repo,
      'Pending updates',
      'inbox',
      session.pending.map((pending) => pendingRow(repo, pending)),
    ),
    ...group(
      repo,
      'Notices',
      'info',
      session.notices.map((notice) => noticeRow(session, notice)),
    ),
  ];
}

function endedRow({ repo, repoName, error }: SessionView): Row {
  const why = error === undefined ? 'The session has ended.' : plain(error.message, 300);
  return {
    id: `${repo}#ended`,
    label: 'Session ended',
    description: plain(why, 80),
    tooltip: `${plain(repoName)}: ${why}\nLeave dismisses it; your clone and its commits stay.`,
    icon: 'debug-disconnect',
    context: 'ended',
    accessible: `Session of ${plain(repoName)} ended: ${why}`,
    target: { repo },
  };
}

/** Sharing with nobody yet: what to do next, one click away. */
function aloneRow({ repo, peers, approvals, inviteExpiresAt }: SessionView): readonly Row[] {
  if (peers.length + approvals.length > 0 || inviteExpiresAt === undefined) return [];
  return [
    {
      id: `${repo}#alone`,
      label: 'Invite someone',
      description: 'copies the link',
      tooltip: 'Send the link to whoever is to join. You will be asked before anyone gets in.',
      icon: 'link',
      context: 'alone',
      accessible: 'Nobody has joined yet. Copy the invite link.',
      command: 'peerweave.copyInvite',
      target: { repo },
    },
  ];
}

/** Shown only while the meeting place is out of reach: nobody can come in through it, and routes that need it cannot be had. */
function signalingRow({ repo, signaling }: SessionView): readonly Row[] {
  if (signaling === undefined || signaling.state === 'joined') return [];
  const url = plain(signaling.url, 100);
  const problem = signaling.problem === undefined ? undefined : plain(signaling.problem, 300);
  return [
    {
      id: `${repo}#signaling`,
      label: problem === undefined ? 'Connecting to the signaling server…' : 'Signaling server out of reach',
      description: url,
      tooltip: [
        url,
        problem,
        'Peers that are linked stay linked. Others can reach you only directly until it answers; it is tried again by itself.',
      ]
        .filter(Boolean)
        .join('\n'),
      icon: problem === undefined ? 'loading~spin' : 'cloud',
      ...(problem === undefined ? {} : { color: 'list.warningForeground' }),
      context: 'signaling',
      accessible: `Signaling server ${url}: ${problem ?? 'connecting'}`,
    },
  ];
}

function approvalRow(repo: string, { id, name, fingerprint, remote, expiresAt }: ApprovalView, clock: Clock): Row {
  const who = plain(name);
  return {
    id: `${repo}#approval:${id}`,
    label: who,
    description: 'wants to join',
    tooltip: [
      `${who} wants to join`,
      `From: ${plain(remote)}`,
      `Fingerprint: ${fingerprint}`,
      `Counts as refused at ${clock(expiresAt)}`,
    ].join('\n'),
    icon: 'person-add',
    color: 'list.warningForeground',
    context: 'approval',
    accessible: `${who} wants to join from ${plain(remote)}`,
    target: { repo, approval: id, fingerprint },
  };
}

function transferRow({ repo, transfer }: SessionView): readonly Row[] {
  if (transfer === undefined) return [];
  const text = transferText(transfer);
  return [{ id: `${repo}#transfer`, label: text, icon: 'cloud-download', context: 'transfer', accessible: text }];
}

function group(repo: string, label: string, icon: string, children: readonly Row[]): readonly Row[] {
  if (children.length === 0) return [];
  return [
    {
      id: `${repo}#${label}`,
      label,
      description: String(children.length),
      icon,
      context: 'group',
      accessible: `${label}, ${children.length}`,
      children,
      expanded: true,
    },
  ];
}

function pendingRow(repo: string, { branch, to, from, detail }: PendingView): Row {
  const name = plain(branch);
  const why = plain(detail, 300);
  return {
    id: `${repo}#pending:${branch}`,
    label: name,
    description: why,
    tooltip: `${name} can move from ${from.slice(0, 10)} to ${to.slice(0, 10)}.\n${why}\nApply the update when you are ready.`,
    icon: 'git-branch',
    context: 'pending',
    accessible: `Pending update of ${name}: ${why}`,
    target: { repo, branch },
  };
}

const NOTICES: Record<NoticeView['kind'], (peer: string) => string> = {
  'deleted-here': (peer) => `you deleted it; ${peer} still has it`,
  'rewound-here': (peer) => `you moved it back; ${peer} has more`,
};

function noticeRow(session: SessionView, { kind, branch, peer }: NoticeView): Row {
  const text = NOTICES[kind](ownerName(session, peer));
  return {
    id: `${session.repo}#notice:${kind}:${branch}:${peer}`,
    label: plain(branch),
    description: text,
    tooltip: `${plain(branch)}: ${text}`,
    icon: 'info',
    context: 'notice',
    accessible: `${plain(branch)}: ${text}`,
    target: { repo: session.repo, branch },
  };
}

/** The engine names owners by fingerprint or by name; people want the name. */
function ownerName({ self, peers }: SessionView, owner: string): string {
  if (owner === self.fingerprint || owner === self.name) return 'you';
  return plain(peers.find(({ fingerprint }) => fingerprint === owner)?.name ?? owner, 30);
}
