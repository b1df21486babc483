import * as vscode from 'vscode';
import type { EngineState, PeerView } from './rpc/model.ts';
import type { Services } from './services.ts';
import type { Disposable } from './shared/disposable.ts';
import type { EngineStatus } from './views/view-state.ts';

const RESTART = 'Restart Engine';
const SHOW_LOG = 'Show Log';

/** Carries what the engine says and how it is into the model, and says so when it is given up (ED6). */
export function trackEngine({ engine, model, log }: Services): Disposable {
  const onStatus = (engineStatus: EngineStatus): void => {
    const { engine: last } = model.state;
    switch (engineStatus) {
      case 'starting':
      case 'running':
        model.update({ engineStatus });
        break;
      case 'restarting':
        model.update({ engineStatus, engine: last === undefined ? undefined : interrupted(last) });
        break;
      case 'stopped':
        model.update({ engineStatus, engine: undefined });
        break;
      case 'failed':
        model.update({ engineStatus, engine: undefined });
        void offerRestart(log);
    }
  };
  return vscode.Disposable.from(
    engine.onDidChangeStatus(onStatus),
    engine.onDidChangeState((state) => model.update({ engine: state })),
    engine.onEvent((event) => {
      if (event.event === 'error') log.warn(`${event.reason}: ${event.message}`);
    }),
  );
}

/** What is left of a state when its engine has crashed: nobody is online until the sessions are resumed. */
function interrupted(state: EngineState): EngineState {
  const lost = (peer: PeerView): PeerView =>
    peer.state === 'online' ? { ...peer, state: 'reconnecting', transfer: undefined } : peer;
  return {
    ...state,
    sessions: state.sessions.map((session) => ({ ...session, approvals: [], peers: session.peers.map(lost) })),
  };
}

async function offerRestart(log: vscode.LogOutputChannel): Promise<void> {
  const choice = await vscode.window.showErrorMessage(
    'The Peerweave engine crashed five times in three minutes and was stopped. Your repository is safe; nothing is being synced.',
    RESTART,
    SHOW_LOG,
  );
  if (choice === RESTART) await vscode.commands.executeCommand('peerweave.restartEngine');
  if (choice === SHOW_LOG) log.show(true);
}
