import type { ApprovalView, NoticeView, PeerView, PendingView, SessionView, Transfer } from '../../rpc/model.ts';
import type { PeerweaveError } from '../../shared/errors.ts';
import { branchRef, type PeerId } from '../../shared/ids.ts';
import type { RosterEntry } from '../link/control-protocol.ts';
import type { Link } from '../link/link.ts';
import type { RoomStatus } from './network.ts';
import type { RefSnapshot, TransferProgress } from '../repo/repository.ts';
import type { BranchState } from '../sync/model.ts';
import type { Strategies } from '../sync/strategy.ts';
import { conflictViews, divergedByPeer, type NameOf, type Resolving } from './conflict-views.ts';
import type { Approval } from './gatekeeper.ts';
import type { Invite } from './invite.ts';
import type { SessionRecord } from './session-store.ts';

/** What is known of one peer besides its branches. */
export interface PeerFacts {
  readonly entry: RosterEntry;
  readonly link: Link | undefined;
  /** False until the first link to it in this run. */
  readonly seen: boolean;
  readonly head: string | undefined;
  readonly inSync: boolean;
  readonly lastSync: number | undefined;
  readonly transfer: Transfer | undefined;
  readonly error: PeerweaveError | undefined;
}

function peerView(facts: PeerFacts, branches: readonly BranchState[], diverged: ReadonlyMap<PeerId, number>): PeerView {
  const { entry, link } = facts;
  const same = branches
    .find((state) => state.branch === facts.head)
    ?.peers.find((standing) => standing.peer === entry.peer);
  const known = same !== undefined && same.standing !== 'unknown';
  return {
    fingerprint: entry.peer,
    name: entry.name,
    role: entry.role,
    state: stateOf(facts),
    ...routeView(link),
    ...(facts.head === undefined ? {} : { branch: facts.head }),
    ...(known ? { ahead: same.ahead, behind: same.behind } : {}),
    inSync: facts.inSync,
    diverged: diverged.get(entry.peer) ?? 0,
    ...(facts.lastSync === undefined ? {} : { lastSync: facts.lastSync }),
    ...(facts.transfer === undefined ? {} : { transfer: facts.transfer }),
    ...(facts.error === undefined ? {} : { error: { reason: facts.error.reason, message: facts.error.message } }),
  };
}

function stateOf({ link, seen }: PeerFacts): PeerView['state'] {
  if (link === undefined) return seen ? 'offline' : 'connecting';
  return link.state === 'reconnecting' ? 'reconnecting' : 'online';
}

const pendingViews = (branches: readonly BranchState[], nameOf: NameOf): PendingView[] =>
  branches.flatMap(({ branch, pending }) =>
    pending === undefined ? [] : [{ branch, to: pending.to, from: nameOf(pending.peer), detail: pending.detail }],
  );

const noticeViews = (branches: readonly BranchState[], nameOf: NameOf): NoticeView[] =>
  branches.flatMap(({ branch, peers }) =>
    peers.flatMap(({ standing, peer }) =>
      standing === 'deleted-here' || standing === 'rewound-here'
        ? [{ kind: standing, branch, peer: nameOf(peer) }]
        : [],
    ),
  );

const approvalView = ({ id, name, peer, remote, expiresAt }: Approval): ApprovalView => ({
  id,
  name,
  fingerprint: peer,
  remote,
  expiresAt,
});

/** A session that runs, as its parts are at this moment. */
export function liveView(parts: {
  readonly root: string;
  readonly record: SessionRecord;
  readonly phase: SessionPhase;
  readonly self: RosterEntry | undefined;
  readonly refs: RefSnapshot | undefined;
  readonly inviteExpiresAt: number | undefined;
  readonly peers: readonly PeerFacts[];
  readonly approvals: readonly Approval[];
  readonly branches: readonly BranchState[];
  readonly strategies: Strategies;
  readonly resolving: Resolving;
  readonly room: RoomStatus | undefined;
  readonly nameOf: NameOf;
}): SessionView {
  const { record, refs, branches, nameOf } = parts;
  const head = refs?.head;
  const tip = head === undefined ? undefined : refs?.refs.get(branchRef(head));
  const diverged = divergedByPeer(branches);
  return {
    repo: parts.root,
    repoName: record.repoName,
    sessionId: record.session,
    role: parts.self?.role ?? 'read',
    phase: parts.phase,
    self: {
      name: record.name,
      fingerprint: record.self,
      ...(head === undefined ? {} : { branch: head }),
      ...(tip === undefined ? {} : { head: tip }),
    },
    ...(parts.inviteExpiresAt === undefined ? {} : { inviteExpiresAt: parts.inviteExpiresAt }),
    peers: parts.peers.map((facts) => peerView(facts, branches, diverged)),
    approvals: parts.approvals.map(approvalView),
    strategy: parts.strategies.session,
    ...(parts.strategies.branches.size === 0
      ? {}
      : { branchStrategies: Object.fromEntries(parts.strategies.branches) }),
    ...conflictViews(branches, { ...parts, self: record.self }),
    pending: pendingViews(branches, nameOf),
    notices: noticeViews(branches, nameOf),
    ...signalingOf(parts.room),
  };
}

function signalingOf(room: RoomStatus | undefined): Pick<SessionView, 'signaling'> {
  if (room === undefined) return {};
  const { url, state, problem } = room;
  return { signaling: { url, state, ...(problem === undefined ? {} : { problem }) } };
}

/** How a link travels, for a person to see. */
function routeView(link: Link | undefined): RouteView {
  if (link === undefined) {
    return { bytesSent: 0, bytesReceived: 0, traffic: [], bytesResent: 0, moves: 0, betterRoutes: [] };
  }
  return {
    route: link.route,
    remote: link.remoteAddress,
    ...(link.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    bytesSent: link.bytesSent,
    bytesReceived: link.bytesReceived,
    traffic: [...link.traffic].map(([route, bytes]) => ({ route, ...bytes })),
    bytesResent: link.bytesResent,
    moves: link.moves,
    betterRoutes: [...link.betterRoutes],
  };
}

type RouteView = Pick<
  PeerView,
  'route' | 'remote' | 'rttMs' | 'bytesSent' | 'bytesReceived' | 'traffic' | 'bytesResent' | 'moves' | 'betterRoutes'
>;

/** A guest on its way in has no repository yet: what it shows comes from the invite. */
export function joiningView(parts: {
  readonly directory: string;
  readonly invite: Invite;
  readonly self: SessionView['self'];
  readonly phase: SessionPhase;
  readonly link: Link | undefined;
  readonly room: RoomStatus | undefined;
  readonly progress: TransferProgress | undefined;
}): SessionView {
  const { invite, link, progress } = parts;
  const host: PeerView = {
    fingerprint: invite.host,
    name: invite.hostName,
    role: 'owner',
    state: link === undefined ? 'connecting' : 'online',
    ...routeView(link),
    inSync: false,
    diverged: 0,
  };
  return {
    repo: parts.directory,
    repoName: invite.repoName,
    sessionId: invite.session,
    role: 'write',
    phase: parts.phase,
    self: parts.self,
    peers: [host],
    approvals: [],
    strategy: 'manual',
    conflicts: [],
    pending: [],
    notices: [],
    ...signalingOf(parts.room),
    ...(progress === undefined ? {} : { transfer: transferOf('clone', progress) }),
  };
}

export function transferOf(id: string, { task, done, total, bytesPerSecond }: TransferProgress): Transfer {
  return { id, task, done, total, bytesPerSecond };
}

export type SessionPhase = SessionView['phase'];
