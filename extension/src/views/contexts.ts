import { isJoining, isLive, sessionsOf, shareable, type ViewState } from './view-state.ts';
import { welcomeOf } from './welcome.ts';

/** The context keys that `when` and `enablement` clauses in package.json ask for. */
export interface Contexts {
  readonly 'peerweave.welcome': string;
  readonly 'peerweave.canShare': boolean;
  readonly 'peerweave.canInvite': boolean;
  readonly 'peerweave.inSession': boolean;
  readonly 'peerweave.joining': boolean;
  readonly 'peerweave.canLeave': boolean;
  readonly 'peerweave.engineFailed': boolean;
  /** A branch waits for being settled. */
  readonly 'peerweave.diverged': boolean;
  /** A peer moved a branch back or deleted it. */
  readonly 'peerweave.canFollow': boolean;
}

export function contextsOf(state: ViewState): Contexts {
  const sessions = sessionsOf(state);
  const conflicts = sessions.filter(isLive).flatMap((session) => session.conflicts);
  return {
    'peerweave.welcome': welcomeOf(state),
    'peerweave.canShare': state.trusted && shareable(state).length > 0,
    'peerweave.canInvite': sessions.some(({ inviteExpiresAt }) => inviteExpiresAt !== undefined),
    'peerweave.inSession': sessions.some(isLive),
    'peerweave.joining': sessions.some(isJoining),
    'peerweave.canLeave': sessions.some((session) => !isJoining(session)),
    'peerweave.engineFailed': state.engineStatus === 'failed',
    'peerweave.diverged': conflicts.some(({ kind }) => kind === 'diverged'),
    'peerweave.canFollow': conflicts.some(({ kind }) => kind !== 'diverged'),
  };
}
