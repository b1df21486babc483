import { isJoining, isLive, sessionsOf, type ViewState } from './view-state.ts';

/** Which of the texts in `contributes.viewsWelcome` the empty view shows; `none` when the tree has rows of its own. */
export type Welcome =
  | 'no-folder'
  | 'untrusted'
  | 'no-git'
  | 'no-repository'
  | 'repository-bare'
  | 'repository-shallow'
  | 'ready'
  | 'starting'
  | 'connecting'
  | 'waiting-approval'
  | 'cloning'
  | 'engine-failed'
  | 'none';

/** The first thing in the way wins; a session beats every hint on how to begin one. */
export function welcomeOf(state: ViewState): Welcome {
  if (!state.trusted) return 'untrusted';
  if (state.engineStatus === 'failed') return 'engine-failed';
  const sessions = sessionsOf(state);
  if (sessions.some(isLive)) return 'none';
  const joining = sessions.find(isJoining);
  if (joining !== undefined) return joining.phase as 'connecting' | 'waiting-approval' | 'cloning';
  if (sessions.length > 0) return 'none';
  if (state.engineStatus === 'restarting') return 'starting';
  return welcomeOfFolders(state);
}

function welcomeOfFolders({ folders, gitFound }: ViewState): Welcome {
  if (folders.length === 0) return 'no-folder';
  if (!gitFound) return 'no-git';
  if (folders.some(({ kind }) => kind === 'ready')) return 'ready';
  if (folders.some(({ kind }) => kind === 'no-repository')) return 'no-repository';
  const unusable = folders.find((folder) => folder.kind === 'unusable');
  return unusable?.kind === 'unusable' ? unusable.error.reason : 'none';
}
