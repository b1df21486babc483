import * as vscode from 'vscode';
import type { Services } from '../services.ts';

const HERE = 'Open';
const NEW_WINDOW = 'Open in New Window';
const ADD = 'Add to Workspace';

/** Offers to open a fresh clone. The window that opens it resumes the session, so this one lets go of it first. */
export async function openClone({ engine }: Services, folder: string, name: string): Promise<void> {
  const uri = vscode.Uri.file(folder);
  const hasFolders = (vscode.workspace.workspaceFolders ?? []).length > 0;
  const choice = hasFolders
    ? await vscode.window.showInformationMessage(
        `${name} is here. Open it?`,
        { modal: true, detail: folder },
        HERE,
        NEW_WINDOW,
        ADD,
      )
    : HERE;
  switch (choice) {
    case HERE:
    case NEW_WINDOW:
      await engine.request('peerweave/suspend', { repo: folder });
      await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: choice === NEW_WINDOW });
      break;
    case ADD:
      vscode.workspace.updateWorkspaceFolders(vscode.workspace.workspaceFolders?.length ?? 0, 0, { uri });
      break;
    case undefined:
    // The session goes on in this window until the folder is opened somewhere.
  }
}
