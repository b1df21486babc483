import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { userNameIn } from './git-config.ts';
import { gitApi } from './git-extension.ts';

/** git's `user.name`: an open repository's own as the Git extension knows it, else the person's. Starts no process. */
export async function gitUserName(): Promise<string | undefined> {
  return (await ofOpenRepository()) ?? (await ofPerson());
}

async function ofOpenRepository(): Promise<string | undefined> {
  const repository = gitApi()?.repositories[0];
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
