import { userInfo } from 'node:os';
import * as vscode from 'vscode';
import { gitUserName } from './git-user-name.ts';
import type { Settings } from './rpc/contract.ts';

const section = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('peerweave');

/** What the engine gets to know of the settings. */
export async function engineSettings(): Promise<Settings> {
  const { decodeSettings } = await import('./deferred.ts');
  const values = section();
  return decodeSettings((key) => values.get(key));
}

export const detectsClipboard = (): boolean => section().get('detectClipboard', true);

/** The name that others see: the setting, else git's `user.name` if the Git extension knows it, else the account's. */
export async function displayName(): Promise<string> {
  const chosen = section().get('displayName', '').trim();
  const name = chosen === '' ? ((await gitUserName()) ?? userInfo().username) : chosen;
  return name.slice(0, 64);
}
