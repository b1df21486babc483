import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchRepository } from '../../../extension/src/p2p/repo/git/watch.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Disposable } from '../../../extension/src/shared/disposable.ts';
import { commit, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;
const waiting: (() => void)[] = [];
let calls = 0;

function called(): void {
  calls += 1;
  for (const resolve of waiting.splice(0)) resolve();
}

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'watched'));
  commit(root, { a: 'a' });
  git(root, 'worktree', 'add', '--quiet', '-b', 'topic', join(temp.path, 'linked'));
  repository = await provider.open(root);
  calls = 0;
  repository.watch(called);
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

describe('a worktree that comes later', () => {
  it('is watched, also after the last one had gone', async () => {
    for (const name of ['first', 'second']) {
      const linked = join(temp.path, name);
      git(root, 'worktree', 'remove', '--force', join(temp.path, 'linked'));
      await quiet();
      const added = changed();
      git(root, 'worktree', 'add', '--quiet', '--detach', linked);
      await added;
      await quiet();
      const committed = changed();
      git(linked, 'switch', '--quiet', '--create', `on-${name}`);
      await committed;
      await quiet();
      git(root, 'worktree', 'move', linked, join(temp.path, 'linked'));
    }
  });
});

describe('the poll alone, where the system tells nothing,', () => {
  let polled: Disposable;
  beforeEach(() => {
    repository.dispose();
    git(root, 'branch', 'deep/er/one');
  });
  afterEach(() => polled.dispose());

  const start = (): void => {
    const watch = (): undefined => undefined;
    polled = watchRepository(join(root, '.git'), called, { watch, pollMs: 10 });
  };

  /** Times are compared: what was just written counts as fresh and makes the poll ask again. */
  function age(folder: string): void {
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      utimesSync(join(folder, entry), 1, 1);
    utimesSync(folder, 1, 1);
  }

  it.each([
    ['a commit', () => commit(root, { b: 'b' })],
    ['a branch in a folder', () => git(root, 'branch', 'deep/er/two')],
    ['a branch in a new folder', () => git(root, 'branch', 'new/folder/branch')],
    [
      'a branch of a folder that moves',
      () => git(root, 'update-ref', 'refs/heads/deep/er/one', git(root, 'commit-tree', '-m', 'x', 'HEAD^{tree}')),
    ],
    ['a branch that goes', () => git(root, 'branch', '--delete', 'deep/er/one')],
    ['a tag', () => git(root, 'tag', 'v1/rc')],
    ['packing the refs', () => git(root, 'pack-refs', '--all')],
    ['a switch in a linked worktree', () => git(join(temp.path, 'linked'), 'switch', '--quiet', '--detach')],
    ['a new worktree', () => git(root, 'worktree', 'add', '--quiet', '--detach', join(temp.path, 'later'))],
    ['a merge that begins', () => writeFileSync(join(root, '.git', 'MERGE_HEAD'), '')],
    [
      'a table of refs',
      () => (
        mkdirSync(join(root, '.git', 'reftable')),
        writeFileSync(join(root, '.git', 'reftable', 'tables.list'), 't')
      ),
    ],
  ])('notices %s', async (_what, act) => {
    age(join(root, '.git'));
    calls = 0;
    start();
    await quiet();
    expect(calls).toBe(0);
    const call = changed();
    act();
    await call;
  });
});
