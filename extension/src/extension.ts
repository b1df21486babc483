import * as vscode from 'vscode';
import { decide } from './commands/approve.ts';
import { createUriHandler } from './commands/join.ts';
import { registerCommands } from './commands/register.ts';
import { showConflicts } from './conflict-views.ts';
import { EngineClient } from './engineClient.ts';
import { trackEngine } from './engine-tracker.ts';
import { showFailure } from './failure.ts';
import { watchFolders } from './folder-watch.ts';
import { configureIdentity } from './identity.ts';
import type { Services } from './services.ts';
import { SessionResumer } from './session-resumer.ts';
import { watchSettings } from './settings-watch.ts';
import { promptForApprovals } from './views/approval-prompts.ts';
import { ConflictDetails } from './views/conflict-details.ts';
import { bindContextKeys } from './views/context-keys.ts';
import { MeshPanels } from './views/mesh-panel.ts';
import { PeersTree } from './views/peers-tree.ts';
import { ResolvePanels } from './views/resolve-panel.ts';
import { SessionModel } from './views/session-model.ts';
import { StatusBar } from './views/status-bar.ts';

let running: EngineClient | undefined;

/** Puts the parts together. Starts no process: the engine comes with the first request (ED1). */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Peerweave', { log: true });
  const model = new SessionModel();
  const engine = new EngineClient({
    module: context.asAbsolutePath('dist/engine.cjs'),
    log,
    prepare: (request) => configureIdentity(context.secrets, request),
  });
  running = engine;
  const dist = vscode.Uri.joinPath(context.extensionUri, 'dist');
  const map = new MeshPanels(model, dist);
  const resolve = new ResolvePanels({ engine, model, memory: context.workspaceState, log, dist });
  const details = new ConflictDetails((repo, branch) => engine.request('peerweave/conflict', { repo, branch }));
  const services: Services = { engine, model, map, resolve, details, log };
  const resumer = new SessionResumer(services);
  context.subscriptions.push(
    log,
    model,
    map,
    resolve,
    details,
    engine,
    trackEngine(services),
    resumer,
    bindContextKeys(model),
    new PeersTree(model),
    showConflicts(services, context.workspaceState),
    new StatusBar(model),
    promptForApprovals(model, (repo, id, decision) =>
      decide(services, repo, id, decision).catch((error: unknown) => void showFailure(log, 'Could not answer', error)),
    ),
    registerCommands(services),
    watchSettings(services),
    vscode.window.registerUriHandler(createUriHandler(services)),
    watchFolders(model, () => resumer.resumeFolders()),
  );
}

/** Lets the engine say goodbye; sessions stay resumable (SE9). */
export async function deactivate(): Promise<void> {
  await running?.stop();
}
