import { userInfo } from 'node:os';
import * as vscode from 'vscode';
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

/** The part of the Git extension's API that is used here. */
interface GitExtension {
  getAPI(version: 1): { repositories: readonly { getConfig(key: string): Promise<string> }[] };
}

async function gitUserName(): Promise<string | undefined> {
  const git = vscode.extensions.getExtension<GitExtension>('vscode.git');
  if (git?.isActive !== true) return undefined;
  const name = await git.exports
    .getAPI(1)
    .repositories[0]?.getConfig('user.name')
    .catch(() => undefined);
  return name === undefined || name.trim() === '' ? undefined : name.trim();
}
