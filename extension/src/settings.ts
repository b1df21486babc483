import { userInfo } from 'node:os';
import * as vscode from 'vscode';
import { settings, type Settings } from './rpc/contract.ts';

const section = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('peerweave');

/** What the engine gets to know of the settings. A value that the schema refuses counts as not set: files can hold anything. */
export function engineSettings(): Settings {
  const values = section();
  const wanted = Object.entries(settings.shape).map(([key, schema]) => {
    const parsed = schema.safeParse(values.get(key));
    return [key, parsed.success ? parsed.data : undefined] as const;
  });
  return settings.parse(Object.fromEntries(wanted));
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
