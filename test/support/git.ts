import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Oid, RefName } from '../../extension/src/shared/ids.ts';

/** A fixed identity and a clean configuration, so that the same commands make the same commits everywhere. */
const ENV: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
};

/** A folder of its own under the system's temporary folder; `remove` deletes it. */
export interface TempFolder {
  readonly path: string;
  remove(): void;
}

export function tempFolder(): TempFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'peerweave-test-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs git in a folder and returns its trimmed stdout; throws with its stderr when it fails. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    env: ENV,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  }).trim();
}

export function gitInput(cwd: string, input: string | Buffer, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    env: ENV,
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  }).trim();
}

/** `git init` on branch `main`. */
export function initRepository(path: string, ...args: string[]): string {
  mkdirSync(path, { recursive: true });
  git(path, 'init', '--quiet', '--initial-branch=main', ...args);
  return path;
}

export function writeFiles(root: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** Writes files and commits everything; returns the new commit. */
export function commit(root: string, files: Readonly<Record<string, string | Buffer>>, message = 'change'): Oid {
  writeFiles(root, files);
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--allow-empty', '--message', message);
  return revParse(root, 'HEAD');
}

export const revParse = (root: string, revision: string): Oid => git(root, 'rev-parse', revision) as Oid;

/** Branches and tags, as a manifest lists them. */
export function sharedRefs(root: string): Map<RefName, Oid> {
  const lines = git(root, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags').split('\n');
  return new Map(lines.filter(Boolean).map((line) => line.split(' ') as [RefName, Oid]));
}

/** Throws unless `git fsck --strict` finds the repository sound. */
export const fsck = (root: string): string => git(root, 'fsck', '--strict', '--no-dangling');
