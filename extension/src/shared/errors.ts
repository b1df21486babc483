/**
 * Every error that reaches a person carries a `reason` from this closed set, a message that says what to do, and its cause.
 * Code decides by `reason`, never by message text.
 */
export const REASONS = [
  // invites and joining
  'invite-malformed',
  'invite-expired',
  'invite-foreign',
  'host-key-mismatch',
  'join-refused',
  'join-timeout',
  'not-admitted',
  'folder-not-empty',
  'unrelated-repository',
  // repositories
  'git-missing',
  'git-too-old',
  'not-a-repository',
  'repository-bare',
  'repository-shallow',
  'repository-partial',
  'repository-empty',
  'repository-locked',
  'repository-unsupported',
  'object-format-mismatch',
  // receiving
  'pack-rejected',
  'pack-too-large',
  'ref-name-rejected',
  'object-missing',
  'disk-full',
  // links
  'unreachable',
  'signaling-unreachable',
  'signaling-refused',
  'room-full',
  'transport-corrupt',
  'authentication-failed',
  'protocol-incompatible',
  'protocol-violation',
  'message-too-large',
  'rate-limited',
  'peer-silent',
  'link-lost',
  'link-duplicate',
  'peer-left',
  // manifests
  'manifest-stale',
  'manifest-forked',
  'manifest-foreign',
  'manifest-unsigned',
  // settling what diverged
  'conflict-moved',
  'conflict-unresolved',
  'review-needed',
  'commit-refused',
  'move-refused',
  'undo-refused',
  // engine and sessions
  'already-shared',
  'no-session',
  'engine-busy',
  'bad-request',
  'cancelled',
  'timeout',
  'internal',
] as const;

export type Reason = (typeof REASONS)[number];

/** An error with a `reason` from the closed set and a message a person can act on. */
export class PeerweaveError extends Error {
  override readonly name = 'PeerweaveError';
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** `error` itself when it already has a reason, else the same text under `fallback`. */
export function asPeerweaveError(error: unknown, fallback: Reason = 'internal'): PeerweaveError {
  if (error instanceof PeerweaveError) return error;
  return new PeerweaveError(fallback, messageOf(error), { cause: error });
}

/** The readable text of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
