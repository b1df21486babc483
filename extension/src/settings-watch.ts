import * as vscode from 'vscode';
import type { Services } from './services.ts';
import { engineSettings } from './settings.ts';
import { messageOf } from './shared/errors.ts';

/** Hands changed settings to the engine while it runs; one that starts later is told with every session. */
export function watchSettings({ engine, log }: Services): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration(async (change) => {
    if (!change.affectsConfiguration('peerweave') || engine.status !== 'running') return;
    try {
      await engine.request('peerweave/settings', { settings: await engineSettings() });
    } catch (error) {
      log.warn(`The engine did not take the changed settings: ${messageOf(error)}`);
    }
  });
}
