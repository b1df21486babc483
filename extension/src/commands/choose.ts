import * as vscode from 'vscode';
import type { SessionView } from '../rpc/model.ts';
import { plain } from '../views/plain-text.ts';
import type { RowTarget } from '../views/row.ts';
import type { SessionModel } from '../views/session-model.ts';

/** What a menu or a row hands to a command: anything, until it has been looked at. */
export function targetOf(argument: unknown): RowTarget | undefined {
  if (typeof argument !== 'object' || argument === null || !('target' in argument)) return undefined;
  const { target } = argument;
  const named = typeof target === 'object' && target !== null && 'repo' in target && typeof target.repo === 'string';
  return named ? (target as RowTarget) : undefined;
}

/** The session that a command is about: the row's, the only one, or the one that is picked. Undefined when there is none. */
export async function chooseSession(
  model: SessionModel,
  argument: unknown,
  fits: (session: SessionView) => boolean,
): Promise<SessionView | undefined> {
  const target = targetOf(argument);
  const fitting = model.sessions.filter(
    (session) => fits(session) && (target === undefined || session.repo === target.repo),
  );
  if (fitting.length === 0) {
    void vscode.window.showInformationMessage('There is no session that this could be done in.');
  }
  if (fitting.length <= 1) return fitting[0];
  const items = fitting.map((session) => ({ label: plain(session.repoName), description: session.repo, session }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Which session?' }))?.session;
}

/** The open folder that a command is about, or undefined when the user gives up choosing. */
export async function chooseFolder(folders: readonly { readonly root: string }[]): Promise<string | undefined> {
  if (folders.length <= 1) return folders[0]?.root;
  return vscode.window.showQuickPick(
    folders.map(({ root }) => root),
    { placeHolder: 'Which folder?' },
  );
}

/** False, with a way to change it, in a window whose folder is not trusted (ED4). */
export function requireTrust(): boolean {
  if (vscode.workspace.isTrusted) return true;
  void vscode.window
    .showWarningMessage(
      'Peerweave is off in Restricted Mode: it runs git in the folder. Trust the folder first.',
      MANAGE_TRUST,
    )
    .then((choice) => choice === MANAGE_TRUST && vscode.commands.executeCommand('workbench.trust.manage'));
  return false;
}

const MANAGE_TRUST = 'Manage Workspace Trust';
