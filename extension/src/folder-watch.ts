import * as vscode from 'vscode';
import type { Disposable } from './shared/disposable.ts';
import { gitOnPath, probeFolder } from './views/folder-probe.ts';
import type { SessionModel } from './views/session-model.ts';

/** Looks again at the open folders: after a change of folders or of trust, and after a command that made a repository. */
export async function refreshFolders(model: SessionModel): Promise<void> {
  const trusted = vscode.workspace.isTrusted;
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  // Nothing is read from a folder that is not trusted, not even its .git file.
  const [gitFound, found] = await Promise.all([
    gitOnPath(),
    Promise.all(trusted ? folders.map(({ uri }) => probeFolder(uri.fsPath)) : []),
  ]);
  model.update({ trusted, gitFound, folders: found });
}

/** Refreshes now and whenever the window's folders or their trust change; `then` runs after each. */
export function watchFolders(model: SessionModel, then: () => void): Disposable {
  const refresh = (): void => void refreshFolders(model).then(then);
  refresh();
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeWorkspaceFolders(refresh),
    vscode.workspace.onDidGrantWorkspaceTrust(refresh),
  );
}
