import type { EngineState, ErrorView, SessionView } from '../rpc/model.ts';

/** What can be said of an open folder without starting a process (ED1, ED4). */
export type FolderState =
  | { readonly kind: 'ready'; readonly root: string; readonly resumable: boolean }
  | { readonly kind: 'no-repository'; readonly root: string }
  | { readonly kind: 'unusable'; readonly root: string; readonly error: UnusableError };

export type UnusableError = ErrorView & { readonly reason: 'repository-bare' | 'repository-shallow' };

/** `failed`: it crashed too often and was given up (ED6). */
export type EngineStatus = 'stopped' | 'starting' | 'running' | 'restarting' | 'failed';

/** Everything any view shows, as one immutable value (ED2). */
export interface ViewState {
  readonly trusted: boolean;
  readonly gitFound: boolean;
  readonly folders: readonly FolderState[];
  readonly engineStatus: EngineStatus;
  /** The engine's newest snapshot; undefined while it has not been started. */
  readonly engine: EngineState | undefined;
}

export const INITIAL_STATE: ViewState = {
  trusted: true,
  gitFound: true,
  folders: [],
  engineStatus: 'stopped',
  engine: undefined,
};

export const sessionsOf = (state: ViewState): readonly SessionView[] => state.engine?.sessions ?? [];

/** A session that commits travel through. `ended` ones stay in the state until they are dismissed. */
export const isLive = ({ phase }: SessionView): boolean => phase === 'live' || phase === 'history';
export const isJoining = ({ phase }: SessionView): boolean =>
  phase === 'connecting' || phase === 'waiting-approval' || phase === 'cloning';

/** Open folders that have no session yet and could have one. */
export function shareable(state: ViewState): readonly FolderState[] {
  const taken = new Set(
    sessionsOf(state)
      .filter(({ phase }) => phase !== 'ended')
      .map(({ repo }) => repo),
  );
  return state.folders.filter(({ kind, root }) => kind !== 'unusable' && !taken.has(root));
}
