import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { commit, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;
const waiting: (() => void)[] = [];
let calls = 0;

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'watched'));
  commit(root, { a: 'a' });
  git(root, 'worktree', 'add', '--quiet', '-b', 'topic', join(temp.path, 'linked'));
  repository = await provider.open(root);
  calls = 0;
  repository.watch(() => {
    calls += 1;
    for (const resolve of waiting.splice(0)) resolve();
  });
});

afterEach(() => {
  repository.dispose();
  temp.remove();
});

const changed = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));

/** Nothing more comes: two rounds of the coalescing interval without a call. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== calls;) {
    before = calls;
    await delay(100);
  }
}

it.each([
  ['a commit', () => commit(root, { b: 'b' })],
  ['a branch in a new folder', () => git(root, 'branch', 'new/folder/branch')],
  ['a tag', () => git(root, 'tag', 'v1')],
  ['packing the refs', () => git(root, 'pack-refs', '--all')],
  ['a switch', () => git(root, 'switch', '--quiet', '--create', 'other')],
  ['staging', () => (writeFileSync(join(root, 'c'), 'c'), git(root, 'add', 'c'))],
  ['a commit in a linked worktree', () => commit(join(temp.path, 'linked'), { d: 'd' })],
  ['a switch in a linked worktree', () => git(join(temp.path, 'linked'), 'switch', '--quiet', '--detach')],
])('calls back after %s', async (_what, act) => {
  await quiet();
  const call = changed();
  act();
  await call;
  await quiet();
});

it('notices a ref in a folder that was made a moment ago', async () => {
  git(root, 'branch', 'deep/er/one');
  await changed();
  await quiet();
  const call = changed();
  git(root, 'branch', 'deep/er/two');
  await call;
});

it('is silent about locks, objects and its own folder', async () => {
  await quiet();
  const before = calls;
  writeFileSync(join(root, '.git', 'index.lock'), '');
  rmSync(join(root, '.git', 'index.lock'));
  git(root, 'hash-object', '-w', '--stdin');
  await quiet();
  expect(calls).toBe(before);
});

it('is silent after it was disposed', async () => {
  await quiet();
  repository.dispose();
  const before = calls;
  commit(root, { e: 'e' });
  await delay(100);
  expect(calls).toBe(before);
});
