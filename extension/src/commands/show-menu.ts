import * as vscode from 'vscode';
import { contextsOf } from '../views/contexts.ts';
import type { Services } from '../services.ts';
import { sessionsOf, type ViewState } from '../views/view-state.ts';

interface MenuItem extends vscode.QuickPickItem {
  readonly command: string;
}

/** What makes sense now, most urgent first. */
export function menuItems(state: ViewState): readonly MenuItem[] {
  const contexts = contextsOf(state);
  const waiting = sessionsOf(state).some(({ approvals }) => approvals.length > 0);
  const pending = sessionsOf(state).some((session) => session.pending.length > 0);
  const item = (when: boolean, icon: string, label: string, command: string): MenuItem[] =>
    when ? [{ label: `$(${icon}) ${label}`, command }] : [];
  return [
    ...item(contexts['peerweave.engineFailed'], 'debug-restart', 'Restart Engine', 'peerweave.restartEngine'),
    ...item(waiting, 'person-add', 'Answer Who Wants to Join', 'peerweave.peers.focus'),
    ...item(contexts['peerweave.diverged'], 'git-merge', 'Settle Conflicts', 'peerweave.conflicts.focus'),
    ...item(pending, 'inbox', 'Apply Pending Updates', 'peerweave.peers.focus'),
    ...item(contexts['peerweave.joining'], 'close', 'Cancel Join', 'peerweave.cancelJoin'),
    ...item(contexts['peerweave.canInvite'], 'link', 'Copy Invite', 'peerweave.copyInvite'),
    ...item(contexts['peerweave.inSession'], 'sync', 'Sync Now', 'peerweave.syncNow'),
    ...item(contexts['peerweave.canShare'], 'broadcast', 'Share Workspace', 'peerweave.share'),
    ...item(!contexts['peerweave.joining'], 'plug', 'Join Session…', 'peerweave.join'),
    ...item(true, 'organization', 'Show Peers', 'peerweave.peers.focus'),
    ...item(contexts['peerweave.inSession'], 'settings-gear', 'Set Strategy…', 'peerweave.setStrategy'),
    ...item(contexts['peerweave.canLeave'], 'debug-disconnect', 'Leave Session', 'peerweave.leave'),
    ...item(true, 'output', 'Show Log', 'peerweave.showLog'),
    ...item(true, 'clippy', 'Copy Diagnostics', 'peerweave.copyDiagnostics'),
  ];
}

/** The menu of the status-bar item. */
export async function showMenu({ model }: Services): Promise<void> {
  const choice = await vscode.window.showQuickPick(menuItems(model.state), { placeHolder: 'Peerweave' });
  if (choice !== undefined) await vscode.commands.executeCommand(choice.command);
}
