import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Oid } from '../../extension/src/shared/ids.ts';
import { git, initRepository, revParse, writeFiles } from './git.ts';

/** What a commit does to the files before it: content, `null` to delete, or anything that is done to the folder. */
export type Edit = Readonly<Record<string, string | Buffer | null>> | ((root: string) => void);

export const move =
  (from: string, to: string): Edit =>
  (root) =>
    void git(root, 'mv', from, to);
export const executable =
  (path: string): Edit =>
  (root) =>
    chmodSync(join(root, path), 0o755);
export const link =
  (path: string, target: string): Edit =>
  (root) => {
    rmSync(join(root, path), { force: true });
    symlinkSync(target, join(root, path));
  };
/** A submodule at a commit that need not exist. */
export const submodule =
  (path: string, oid: string): Edit =>
  (root) => {
    mkdirSync(join(root, path), { recursive: true });
    git(root, 'update-index', '--add', '--cacheinfo', `160000,${oid},${path}`);
  };

export interface Diverged {
  readonly root: string;
  readonly base: Oid;
  /** One tip for each list of edits, all on `base`. */
  readonly tips: readonly Oid[];
}

/** A repository whose branches `side0`, `side1`, … diverged from one commit. `main` stays at the base and is checked out. */
export function diverge(root: string, base: readonly Edit[], ...sides: readonly (readonly Edit[])[]): Diverged {
  initRepository(root);
  const start = commitEdits(root, base, 'base');
  const tips = sides.map((edits, i) => {
    git(root, 'checkout', '--quiet', '-b', `side${i}`, 'main');
    return commitEdits(root, edits, `side ${i}`);
  });
  git(root, 'checkout', '--quiet', '--force', 'main');
  git(root, 'clean', '--quiet', '-fdx');
  return { root, base: start, tips };
}

export function commitEdits(root: string, edits: readonly Edit[], message: string): Oid {
  for (const edit of edits) {
    if (typeof edit === 'function') edit(root);
    else for (const [path, content] of Object.entries(edit)) apply(root, path, content);
  }
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--allow-empty', '--message', message);
  return revParse(root, 'HEAD');
}

function apply(root: string, path: string, content: string | Buffer | null): void {
  if (content === null) rmSync(join(root, path));
  else writeFiles(root, { [path]: content });
}

/** Lines `1` to `count`, with some of them replaced. */
export function lines(count: number, changed: Readonly<Record<number, string>> = {}): string {
  return Array.from({ length: count }, (_, i) => `${changed[i + 1] ?? i + 1}\n`).join('');
}
