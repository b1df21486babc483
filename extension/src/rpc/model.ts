import * as z from 'zod';
import { REASONS } from '../shared/errors.ts';
import { strategy } from './conflicts.ts';

/**
 * The state that every view shows (ED2): one immutable snapshot of the engine, sent whole whenever it changes. Text in it may
 * come from peers and is data, never markup (ED5). No field carries a secret (SE8).
 */

export const reason = z.enum(REASONS);

export const route = z.enum(['tcp', 'webrtc', 'webrtc-turn', 'relay', 'json', 'memory']);

export const transfer = z.object({
  id: z.string(),
  /** git's own words: `Receiving objects`. */
  task: z.string(),
  done: z.number(),
  total: z.number(),
  bytesPerSecond: z.number(),
});

/** Bytes that went by one kind of route, framing included. */
export const routeTraffic = z.object({ route, sent: z.number(), received: z.number() });

/** A way that would be better than the present one, and why it is not used; `why` is for people. */
export const betterRoute = z.object({ tier: z.string(), why: z.string() });

/** The session's meeting place on a signaling server. */
export const signalingView = z.object({
  url: z.string(),
  state: z.enum(['connecting', 'joined', 'closed']),
  /** Why it is not joined. */
  problem: z.string().optional(),
});

export const errorView = z.object({ reason, message: z.string() });

export const peerView = z.object({
  /** Fingerprint; also the id. */
  fingerprint: z.string(),
  name: z.string(),
  role: z.enum(['owner', 'write', 'read']),
  /** `connecting` has never been linked; `reconnecting` lost its transport and is resuming; `offline` is known but away. */
  state: z.enum(['connecting', 'online', 'reconnecting', 'offline']),
  route: route.optional(),
  /** Where the peer is reached, `192.0.2.7:4711`; for the tooltip. */
  remote: z.string().optional(),
  rttMs: z.number().optional(),
  /** The branch the peer has checked out. */
  branch: z.string().optional(),
  /** Commits on the local branch of the same name that the peer lacks, and the other way. */
  ahead: z.number().optional(),
  behind: z.number().optional(),
  /** True when everything of the peer's newest manifest is here and everything of ours is there. */
  inSync: z.boolean(),
  /** Branches that have diverged from the peer's: in sync or not, each side keeps its own until they are settled. */
  diverged: z.number(),
  /** Unix milliseconds of the last completed sync. */
  lastSync: z.number().optional(),
  bytesSent: z.number(),
  bytesReceived: z.number(),
  /** The same by route, of the present link. */
  traffic: z.array(routeTraffic),
  /** Of the bytes sent: those that had gone before and were lost with a transport. */
  bytesResent: z.number(),
  /** How often the present link has changed its transport. */
  moves: z.number(),
  betterRoutes: z.array(betterRoute),
  transfer: transfer.optional(),
  error: errorView.optional(),
});

export const approvalView = z.object({
  id: z.string(),
  name: z.string(),
  fingerprint: z.string(),
  /** Where the guest comes from, as far as the transport knows. */
  remote: z.string(),
  /** Unix milliseconds when no answer becomes a refusal (SE4). */
  expiresAt: z.number(),
});

/**
 * What people have to look at of a branch (CO1, SY7). `diverged` blocks it until it is settled; for the other two, which never happen to
 * a branch here by themselves, everything goes on. A branch can have several.
 */
export const conflictView = z.object({
  kind: z.enum(['diverged', 'rewound-there', 'deleted-there']),
  branch: z.string(),
  /** What those concerned last agreed on with us; empty where they never did. */
  bases: z.array(z.string()),
  /** Ours first; of a deleted branch ours alone. */
  candidates: z.array(z.object({ oid: z.string(), owners: z.array(z.string()), mine: z.boolean() })),
  /** Names of those who deleted it. */
  deletedBy: z.array(z.string()).optional(),
  /** What holds for the branch: its own, or else the session's. */
  strategy,
  /** How far the strategy is with it; absent where it does nothing. From all but `under-way` only people, or new commits, lead on. */
  settling: z.enum(['under-way', 'unclean', 'gave-up', 'rewritten', 'opposed', 'too-many']).optional(),
  /** Members who are at it now (D8); `since` in Unix milliseconds by our clock. */
  resolving: z.array(z.object({ name: z.string(), since: z.number() })),
});

export const pendingView = z.object({ branch: z.string(), to: z.string(), from: z.string(), detail: z.string() });

/** A branch that was deleted or rewound here, which a peer still has as it was (SY7). */
export const noticeView = z.object({
  kind: z.enum(['deleted-here', 'rewound-here']),
  branch: z.string(),
  peer: z.string(),
});

export const sessionView = z.object({
  /** Absolute path of the worktree: the key of the session in every request. */
  repo: z.string(),
  repoName: z.string(),
  sessionId: z.string(),
  role: z.enum(['owner', 'write', 'read']),
  /**
   * `connecting` → `waiting-approval` → `cloning` → `live` for a guest; a host starts `live`. `history` is usable, with older
   * commits still arriving (C4). `ended` stays until dismissed and says why in `error`.
   */
  phase: z.enum(['connecting', 'waiting-approval', 'cloning', 'history', 'live', 'ended']),
  self: z.object({
    name: z.string(),
    fingerprint: z.string(),
    branch: z.string().optional(),
    head: z.string().optional(),
  }),
  /** Set on members that can invite. Unix milliseconds. */
  inviteExpiresAt: z.number().optional(),
  peers: z.array(peerView),
  approvals: z.array(approvalView),
  /** What is done by itself about branches that diverge, unless they have a strategy of their own. */
  strategy,
  /** Branches that have one; absent when none has. */
  branchStrategies: z.record(z.string(), strategy).optional(),
  /** The first of them, where there are too many to look through: what people have to settle comes first then. */
  conflicts: z.array(conflictView),
  /** How many there are beyond those, how many of them diverged, and how many of these people have to settle; absent for none. */
  moreConflicts: z.object({ all: z.int(), diverged: z.int(), toSettle: z.int() }).optional(),
  pending: z.array(pendingView),
  notices: z.array(noticeView),
  /** Absent when the session has none. */
  signaling: signalingView.optional(),
  transfer: transfer.optional(),
  error: errorView.optional(),
});

export const engineState = z.object({
  version: z.string(),
  fingerprint: z.string(),
  sessions: z.array(sessionView),
});

export type Transfer = z.infer<typeof transfer>;
export type PeerView = z.infer<typeof peerView>;
export type RouteTraffic = z.infer<typeof routeTraffic>;
export type SignalingView = z.infer<typeof signalingView>;
export type ApprovalView = z.infer<typeof approvalView>;
export type ConflictView = z.infer<typeof conflictView>;
export type PendingView = z.infer<typeof pendingView>;
export type NoticeView = z.infer<typeof noticeView>;
export type SessionView = z.infer<typeof sessionView>;
export type EngineState = z.infer<typeof engineState>;
export type ErrorView = z.infer<typeof errorView>;
