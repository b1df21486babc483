import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The environment of one person on this machine: an identity, a git configuration and a home of their own. */
export async function personEnvironment(name: string, home: string): Promise<Record<string, string>> {
  await mkdir(home, { recursive: true });
  const gitConfig = join(home, 'gitconfig');
  const email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.org`;
  await writeFile(gitConfig, `[user]\n\tname = ${name}\n\temail = ${email}\n[init]\n\tdefaultBranch = main\n`);
  return {
    PEERWEAVE_HOME: join(home, 'peerweave'),
    GIT_CONFIG_GLOBAL: gitConfig,
    GIT_CONFIG_NOSYSTEM: '1',
  };
}
