import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, writeFiles } from './git.ts';

/** Everything that a person's configuration can say to make git merge or commit in another way, or not at all. */
const ODD_CONFIG = `
[user]
  name = Zoë Ümlaut
  email = zoe@example.org
  signingKey = 0xDEADBEEF
[commit]
  gpgSign = true
[gpg]
  program = /bin/false
[merge]
  renames = false
  renameLimit = 1
  directoryRenames = true
  renormalize = true
  conflictStyle = diff3
  verbosity = 5
  ff = only
  default = shout
[merge "shout"]
  driver = "tr a-z A-Z < %A > %A.new && mv %A.new %A"
[diff]
  renames = false
  algorithm = patience
  external = /bin/false
[core]
  autocrlf = true
  safecrlf = true
  ignoreCase = true
  hooksPath = HOOKS
  attributesFile = ATTRIBUTES
[i18n]
  commitEncoding = ISO-8859-1
[log]
  date = relative
  showSignature = true
[submodule]
  recurse = true
`;

const HOOKS = [
  'pre-commit',
  'commit-msg',
  'prepare-commit-msg',
  'pre-merge-commit',
  'post-commit',
  'reference-transaction',
];

/** A home folder of somebody whose git is set up in every way that could matter. Returns its path. */
export function oddHome(path: string): string {
  const hooks = join(path, 'hooks');
  const attributes = join(path, 'attributes');
  const config = ODD_CONFIG.replace('HOOKS', hooks).replace('ATTRIBUTES', attributes);
  writeFiles(path, {
    '.gitconfig': config,
    attributes: '* merge=shout text eol=crlf\n',
    '.config/git/attributes': '* merge=union\n',
  });
  mkdirSync(hooks);
  for (const name of HOOKS) {
    writeFileSync(join(hooks, name), '#!/bin/sh\nexit 1\n');
    chmodSync(join(hooks, name), 0o755);
  }
  return path;
}

/** The same said in the repository itself, where no global switch reaches it. */
export function makeOdd(root: string, home: string): void {
  for (const [key, value] of [
    ['include.path', join(home, '.gitconfig')],
    ['merge.renames', 'false'],
    ['core.attributesFile', join(home, 'attributes')],
  ] as const) {
    git(root, 'config', key, value);
  }
  writeFiles(root, { '.git/info/attributes': '* merge=shout\n', '.gitattributes': '* merge=union\n' });
}

/** Commits that are not what they seem (git-replace(1), grafts), files half changed and half staged, a merge under way. */
export function unsettle(root: string): void {
  const [newest = '', ...others] = git(root, 'rev-list', '--all').split('\n');
  const oldest = others.at(-1) ?? newest;
  const other = git(root, 'commit-tree', git(root, 'mktree', '--missing'), '-m', 'something else');
  git(root, 'replace', oldest, other);
  writeFiles(root, {
    // Without parents.
    '.git/info/grafts': `${newest}\n`,
    '.git/MERGE_HEAD': `${newest}\n`,
    'staged and changed': 'staged\n',
    '.gitmodules': 'no [ file that git can read',
  });
  git(root, 'add', 'staged and changed');
  writeFiles(root, { 'staged and changed': 'changed\n' });
}

/** Runs with these variables in the environment, and puts back what was there. */
export async function withEnvironment<T>(env: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  try {
    return await run();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}
