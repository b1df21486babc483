import * as z from 'zod';
import { activityRequests, conflictRequests, markerRequests, strategy } from './conflicts.ts';
import { engineState, errorView, reason, sessionView } from './model.ts';

/**
 * Every message between whoever steers the engine (the extension host over LSP, the CLI over the engine's local socket) and
 * the engine. A table `method → schemas`; both ends decode with it. Standard LSP carries logs, progress and prompts.
 */

const repo = z.string().min(1).describe('Absolute path of a worktree.');
/** `peerweave://…/join#…` as any editor spells it, or the plain code after the `#`. */
const invite = z.string().min(1).max(8192);
const name = z.string().trim().min(1).max(64);

export const settings = z.object({
  /** `HOST:PORT`; empty means all interfaces and a free port. */
  listen: z.string().max(300).default(''),
  approve: z.enum(['ask', 'auto']).default('ask'),
  /** Hours until a new invite stops working. */
  inviteHours: z
    .number()
    .min(1)
    .max(24 * 30)
    .default(24),
  /** Fast-forward local branches by itself; off means only `peers/*` refs follow. */
  autoSync: z.boolean().default(true),
  /** `ws://` or `wss://` URLs of a signaling server, several of which are spare ones, in order; empty for direct connections only. */
  signalingUrl: z
    .union([z.string().max(2_000), z.array(z.string().max(300)).max(8)])
    .default('')
    .transform((value) => (Array.isArray(value) ? value : value.split(/[\s,]+/)).filter((url) => url !== '')),
  /** The ways to connect that may be used, best first. */
  tiers: z
    .array(z.enum(['tcp', 'webrtc', 'relay', 'json']))
    .min(1)
    .max(4)
    .default(['tcp', 'webrtc', 'relay', 'json']),
  /** STUN and TURN servers beside those that the signaling server names, as in `RTCIceServer`. */
  iceServers: z
    .array(
      z.object({
        urls: z.union([z.string().max(300), z.array(z.string().max(300)).min(1).max(8)]),
        username: z.string().max(300).optional(),
        credential: z.string().max(300).optional(),
      }),
    )
    .max(8)
    .default([]),
  /** Of all sessions together, in KiB a second; 0 for no limit. */
  uploadLimit: z.number().min(0).max(10_000_000).default(0),
  downloadLimit: z.number().min(0).max(10_000_000).default(0),
  /** Asks the router by UPnP or NAT-PMP to let members in. */
  portMapping: z.boolean().default(false),
  /** What is done by itself about branches that diverge, in sessions where nobody chose otherwise. */
  strategy: strategy.default('manual'),
  /** Days that tips which lost to another stay restorable; 0 for ever. */
  keptDays: z.number().min(0).max(36_500).default(0),
});
export type Settings = z.infer<typeof settings>;

export const shareParams = z.object({
  repo,
  name,
  settings,
  /** How the host's editor spells a link: `vscode`, `code-oss`. */
  uriScheme: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*$/)
    .default('vscode'),
});
export const joinParams = z.object({
  invite,
  /** New or empty folder to clone into, or with `link` an existing clone. */
  directory: z.string().min(1),
  link: z.boolean().default(false),
  name,
  settings,
});

export const inviteInfo = z.object({
  repoName: z.string(),
  hostName: z.string(),
  hostFingerprint: z.string(),
  sessionId: z.string(),
  expiresAt: z.number(),
});
export type InviteInfo = z.infer<typeof inviteInfo>;

export const folderInfo = z.object({
  kind: z.enum(['ready', 'no-repository', 'unusable']),
  error: errorView.optional(),
  /** A session that was live here before and can be resumed (SE9). */
  resumable: z.boolean(),
  empty: z.boolean(),
});
export type FolderInfo = z.infer<typeof folderInfo>;

const none = z.object({});

export const requests = {
  /** First message: the identity's private key (PKCS 8 PEM) from SecretStorage; absent to use the key file under PEERWEAVE_HOME. */
  'peerweave/configure': {
    params: z.object({ identity: z.string().optional() }),
    /** `identity` is the PEM to keep, when the engine had to make one. */
    result: z.object({ fingerprint: z.string(), created: z.string().optional() }),
  },
  /** Settings that changed; what can act in running sessions does at once (limits, approval, automatic sync), the rest from the next on. */
  'peerweave/settings': { params: z.object({ settings }), result: none },
  'peerweave/inspectFolder': { params: z.object({ directory: z.string().min(1) }), result: folderInfo },
  'peerweave/initRepository': { params: z.object({ directory: z.string().min(1) }), result: none },
  'peerweave/share': { params: shareParams, result: z.object({ session: sessionView, invite: z.string() }) },
  'peerweave/inspectInvite': { params: z.object({ invite }), result: inviteInfo },
  /** Resolves when the folder is usable; rejects with the reason of a refusal. */
  'peerweave/join': { params: joinParams, result: none },
  /** Gives up a join that is still connecting, waiting or cloning. */
  'peerweave/cancelJoin': { params: z.object({ directory: z.string().min(1) }), result: none },
  /** Brings back the session that this repository had (SE9). */
  'peerweave/resume': { params: z.object({ repo, settings }), result: none },
  /** Stops a session without leaving it, for another engine to resume: the window moves to the cloned folder. */
  'peerweave/suspend': { params: z.object({ repo }), result: none },
  'peerweave/leave': { params: z.object({ repo }), result: none },
  'peerweave/invite': {
    params: z.object({ repo, uriScheme: shareParams.shape.uriScheme }),
    result: z.object({ invite: z.string(), expiresAt: z.number() }),
  },
  'peerweave/approve': {
    params: z.object({ repo, id: z.string(), decision: z.enum(['allow', 'remember', 'refuse']) }),
    result: none,
  },
  /** Announces, fetches and plans at once; resolves when nothing is outstanding. */
  'peerweave/sync': { params: z.object({ repo }), result: z.object({ session: sessionView }) },
  'peerweave/applyPending': { params: z.object({ repo, branch: z.string().min(1) }), result: none },
  'peerweave/state': { params: none, result: engineState },
  /** Versions, states and counters as text to paste into a report: no secret, no path beyond the repository's name. */
  'peerweave/diagnostics': { params: none, result: z.object({ text: z.string() }) },
  ...conflictRequests,
  ...markerRequests,
  ...activityRequests,
} as const;

/** Engine → steering end. */
export const events = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('session'),
    repo,
    invite: z.string().optional(),
    fingerprint: z.string(),
    phase: sessionView.shape.phase,
  }),
  z.object({
    event: z.literal('peer'),
    peer: z.string(),
    fingerprint: z.string(),
    state: z.enum(['waiting', 'connecting', 'online', 'reconnecting', 'offline', 'left']),
    route: z.string().optional(),
    rttMs: z.number().optional(),
  }),
  z.object({
    event: z.literal('ref'),
    repo,
    ref: z.string(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    /** The peer whose state moved it. */
    by: z.string(),
  }),
  z.object({
    event: z.literal('progress'),
    task: z.string(),
    done: z.number(),
    total: z.number(),
    bytesPerSecond: z.number(),
  }),
  z.object({
    event: z.literal('conflict'),
    branch: z.string(),
    candidates: z.array(z.object({ oid: z.string(), owners: z.array(z.string()) })),
  }),
  z.object({ event: z.literal('synced'), peer: z.string() }),
  z.object({ event: z.literal('error'), reason, message: z.string() }),
]);
export type EngineEvent = z.infer<typeof events>;

export const notifications = {
  /** The whole state, after every change, coalesced. */
  'peerweave/stateChanged': engineState,
  /** What happened, one by one: the same objects that the CLI prints with `--json`. */
  'peerweave/event': events,
} as const;

export type RequestMethod = keyof typeof requests;
export type RequestParams<M extends RequestMethod> = z.input<(typeof requests)[M]['params']>;
export type RequestResult<M extends RequestMethod> = z.output<(typeof requests)[M]['result']>;
export type NotificationMethod = keyof typeof notifications;
export type NotificationParams<M extends NotificationMethod> = z.output<(typeof notifications)[M]>;
