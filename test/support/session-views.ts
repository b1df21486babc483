import type { ConflictView, EngineState, PeerView, SessionView } from '../../extension/src/rpc/model.ts';
import { INITIAL_STATE, type ViewState } from '../../extension/src/views/view-state.ts';

/** A fingerprint that looks like one: `SHA256:` and 43 characters. */
export const fingerprint = (letter: string): string => `SHA256:${letter.repeat(43)}`;

export const somePeer = (part: Partial<PeerView> = {}): PeerView => ({
  fingerprint: fingerprint('b'),
  name: 'Bea',
  role: 'write',
  state: 'online',
  inSync: true,
  diverged: 0,
  bytesSent: 0,
  bytesReceived: 0,
  traffic: [],
  bytesResent: 0,
  moves: 0,
  betterRoutes: [],
  ...part,
});

export const someSession = (part: Partial<SessionView> = {}): SessionView => ({
  repo: '/repos/demo',
  repoName: 'demo',
  sessionId: '0'.repeat(32),
  role: 'owner',
  phase: 'live',
  self: { name: 'Ada', fingerprint: fingerprint('a'), branch: 'main', head: '1'.repeat(40) },
  inviteExpiresAt: 1,
  peers: [],
  approvals: [],
  strategy: 'manual',
  conflicts: [],
  pending: [],
  notices: [],
  ...part,
});

/** A branch that Ada and Bea took different ways. */
export const someConflict = (part: Partial<ConflictView> = {}): ConflictView => ({
  kind: 'diverged',
  branch: 'main',
  bases: [],
  candidates: [
    { oid: '3'.repeat(40), owners: ['Ada'], mine: true },
    { oid: '4'.repeat(40), owners: ['Bea'], mine: false },
  ],
  strategy: 'manual',
  resolving: [],
  ...part,
});

export const engineWith = (...sessions: SessionView[]): EngineState => ({
  version: '0.0.0',
  fingerprint: fingerprint('a'),
  sessions,
});

/** A trusted window with one repository open, and these sessions. */
export const stateWith = (...sessions: SessionView[]): ViewState => ({
  ...INITIAL_STATE,
  folders: [{ kind: 'ready', root: '/repos/demo', resumable: false }],
  engineStatus: 'running',
  engine: engineWith(...sessions),
});
