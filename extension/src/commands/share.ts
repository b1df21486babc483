import * as vscode from 'vscode';
import { refreshFolders } from '../folder-watch.ts';
import type { Services } from '../services.ts';
import { displayName, engineSettings } from '../settings.ts';
import { PeerweaveError } from '../shared/errors.ts';
import { plain } from '../views/plain-text.ts';
import { shareable } from '../views/view-state.ts';
import { announceInvite } from './copy-invite.ts';
import { chooseFolder, requireTrust } from './choose.ts';

/** Makes the open repository a session and puts the invite link on the clipboard (SE1). */
export async function share(services: Services): Promise<void> {
  const { engine, model } = services;
  if (!requireTrust()) return;
  await refreshFolders(model);
  const folder = await folderToShare(services);
  if (folder === undefined || !(await ensureRepository(services, folder))) return;
  const { session, invite } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Peerweave: starting the session…' },
    async () =>
      engine.request('peerweave/share', {
        repo: folder,
        name: await displayName(),
        settings: await engineSettings(),
        uriScheme: vscode.env.uriScheme,
      }),
  );
  await announceInvite(`${plain(session.repoName)} is shared.`, invite);
}

async function folderToShare({ model }: Services): Promise<string | undefined> {
  const { state } = model;
  const candidates = shareable(state);
  if (candidates.length > 0) return chooseFolder(candidates);
  const unusable = state.folders.find((folder) => folder.kind === 'unusable');
  if (unusable?.kind === 'unusable') throw new PeerweaveError(unusable.error.reason, unusable.error.message);
  if (state.folders.length > 0) throw new PeerweaveError('already-shared', 'This folder is in a session already.');
  const choice = await vscode.window.showInformationMessage(
    'Open the folder that you want to share first.',
    OPEN_FOLDER,
  );
  if (choice === OPEN_FOLDER) await vscode.commands.executeCommand('vscode.openFolder');
  return undefined;
}

const OPEN_FOLDER = 'Open Folder';

/** True when `folder` is a repository that can be served, after offering to make it one. Throws when it cannot be served. */
async function ensureRepository({ engine, model }: Services, folder: string): Promise<boolean> {
  const info = await engine.request('peerweave/inspectFolder', { directory: folder });
  if (info.kind === 'ready') return true;
  if (info.kind === 'unusable') {
    throw new PeerweaveError(
      info.error?.reason ?? 'repository-unsupported',
      info.error?.message ?? 'This repository cannot be shared.',
    );
  }
  const choice = await vscode.window.showInformationMessage(
    'This folder is not a Git repository yet.',
    { modal: true, detail: `${folder}\n\nPeerweave shares commits. Initialize a repository here and share it?` },
    INITIALIZE,
  );
  if (choice !== INITIALIZE) return false;
  await engine.request('peerweave/initRepository', { directory: folder });
  await refreshFolders(model);
  return true;
}

const INITIALIZE = 'Initialize Repository';
