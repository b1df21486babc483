import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { FolderState, UnusableError } from './view-state.ts';

/**
 * Looks at a folder without starting git or the engine (ED1, ED4): a few `stat`s. What only git can tell (its own version, a
 * partial clone's filters) comes from the engine's `inspectFolder` once someone wants to share.
 */
export async function probeFolder(folder: string): Promise<FolderState> {
  const found = await findRepository(folder);
  if (found === undefined) {
    return (await isBare(folder))
      ? { kind: 'unusable', root: folder, error: BARE }
      : { kind: 'no-repository', root: folder };
  }
  const { root, commonDirectory } = found;
  const resumable = await exists(join(commonDirectory, 'peerweave', 'session.json'));
  // A clone of a session is shallow for as long as its history arrives (C4); the engine goes on with that.
  if (!resumable && (await exists(join(commonDirectory, 'shallow')))) return { kind: 'unusable', root, error: SHALLOW };
  return { kind: 'ready', root, resumable };
}

const BARE: UnusableError = {
  reason: 'repository-bare',
  message: 'This is a bare repository. Open a clone of it that has files.',
};
const SHALLOW: UnusableError = {
  reason: 'repository-shallow',
  message: 'This clone has only part of the history. Run "git fetch --unshallow", then share it.',
};

/** The worktree that `folder` is in, and where its refs and objects live. */
async function findRepository(folder: string): Promise<{ root: string; commonDirectory: string } | undefined> {
  for (let root = folder; ; root = dirname(root)) {
    const commonDirectory = await gitDirectory(root);
    if (commonDirectory !== undefined) return { root, commonDirectory };
    if (dirname(root) === root) return undefined;
  }
}

/** `.git` is a folder, or in linked worktrees and submodules a file that names one; `commondir` in there names the shared one. */
async function gitDirectory(root: string): Promise<string | undefined> {
  const dotGit = join(root, '.git');
  const kind = await stat(dotGit).catch(() => undefined);
  if (kind === undefined) return undefined;
  if (kind.isDirectory()) return (await exists(join(dotGit, 'HEAD'))) ? dotGit : undefined;
  const named = /^gitdir: (.+)$/m.exec(await readFile(dotGit, 'utf8').catch(() => ''))?.[1];
  if (named === undefined) return undefined;
  const own = isAbsolute(named) ? named : resolve(root, named);
  const common = await readFile(join(own, 'commondir'), 'utf8').catch(() => undefined);
  return common === undefined ? own : resolve(own, common.trim());
}

async function isBare(folder: string): Promise<boolean> {
  const parts = await Promise.all(['HEAD', 'objects', 'refs'].map((name) => exists(join(folder, name))));
  return parts.every(Boolean);
}

/** Whether some folder of PATH holds a git; `git.path` of the Git extension is asked by the engine. */
export async function gitOnPath(path = process.env.PATH ?? '', platform = process.platform): Promise<boolean> {
  const name = platform === 'win32' ? 'git.exe' : 'git';
  const hits = path.split(delimiter).map((folder) =>
    access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(hits)).includes(true);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
