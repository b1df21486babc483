import * as vscode from 'vscode';
import { refreshFolders } from '../folder-watch.ts';
import type { Services } from '../services.ts';
import { isJoining, isLive } from '../views/view-state.ts';
import { chooseSession, requireTrust, targetOf } from './choose.ts';

/** Announces, fetches and plans at once, and waits until nothing is outstanding. */
export async function syncNow({ engine, model }: Services, argument: unknown): Promise<void> {
  const session = await chooseSession(model, argument, isLive);
  if (session === undefined) return;
  await vscode.window.withProgress({ location: { viewId: 'peerweave.peers' } }, () =>
    engine.request('peerweave/sync', { repo: session.repo }),
  );
}

/** Gives up a join that has not finished; the engine takes back what it had written (SE10). */
export async function cancelJoin({ engine, model }: Services, argument: unknown): Promise<void> {
  const session = await chooseSession(model, argument, isJoining);
  if (session !== undefined) await engine.request('peerweave/cancelJoin', { directory: session.repo });
}

/** Applies an update that waited for the user's consent (SY6). */
export async function applyPending({ engine }: Services, argument: unknown): Promise<void> {
  const target = targetOf(argument);
  if (target?.branch !== undefined)
    await engine.request('peerweave/applyPending', { repo: target.repo, branch: target.branch });
}

export async function copyDiagnostics({ engine }: Services): Promise<void> {
  if (!requireTrust()) return;
  const { text } = await engine.request('peerweave/diagnostics', {});
  await vscode.env.clipboard.writeText(text);
  void vscode.window.showInformationMessage(
    'Diagnostics are on the clipboard. They hold no secret and no file of yours.',
  );
}

export async function copyFingerprint(_services: Services, argument: unknown): Promise<void> {
  const fingerprint = targetOf(argument)?.fingerprint;
  if (fingerprint !== undefined) await vscode.env.clipboard.writeText(fingerprint);
}

export async function showLog({ log }: Services): Promise<void> {
  log.show();
}

/** Starts the engine anew, which also resumes its sessions (ED6). */
export async function restartEngine({ engine, model }: Services): Promise<void> {
  if (!requireTrust()) return;
  await refreshFolders(model);
  await engine.restart();
}
