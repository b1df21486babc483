import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { userNameIn } from './git-config.ts';

/** The part of the Git extension's API that is used here. */
interface GitExtension {
  getAPI(version: 1): { repositories: readonly { getConfig(key: string): Promise<string> }[] };
}

/** git's `user.name`: an open repository's own as the Git extension knows it, else the person's. Starts no process. */
export async function gitUserName(): Promise<string | undefined> {
  return (await ofOpenRepository()) ?? (await ofPerson());
}

async function ofOpenRepository(): Promise<string | undefined> {
  const git = vscode.extensions.getExtension<GitExtension>('vscode.git');
  if (git?.isActive !== true) return undefined;
  const [repository] = git.exports.getAPI(1).repositories;
  const name = await repository?.getConfig('user.name').catch(() => undefined);
  return name === undefined || name.trim() === '' ? undefined : name.trim();
}

/** Files that a plain `git config --global` reads, the first that has a name wins. */
async function ofPerson(): Promise<string | undefined> {
  const { GIT_CONFIG_GLOBAL, XDG_CONFIG_HOME } = process.env;
  const files = [
    GIT_CONFIG_GLOBAL ?? join(homedir(), '.gitconfig'),
    join(XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'git', 'config'),
  ];
  for (const file of files) {
    const name = userNameIn(await readFile(file, 'utf8').catch(() => ''));
    if (name !== undefined) return name;
  }
  return undefined;
}
