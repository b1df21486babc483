import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MoveResult, Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import {
  commit,
  fsck,
  git,
  initRepository,
  revParse,
  tempFolder,
  writeFiles,
  type TempFolder,
} from '../../support/git.ts';
import { branch, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let repository: Repository;
let from: Oid;

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'work'));
  from = commit(root, { 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'keep.txt': 'keep\n' });
  repository = await provider.open(root);
});

afterEach(() => {
  repository.dispose();
  temp.remove();
});

/** A commit on top of `from` that no branch has, as if a peer had sent it. */
function incoming(files: Readonly<Record<string, string>>, remove: readonly string[] = []): Oid {
  const side = join(temp.path, 'side');
  git(root, 'worktree', 'add', '--quiet', '--detach', side, from);
  for (const path of remove) rmSync(join(side, path), { recursive: true });
  const to = commit(side, files);
  git(root, 'worktree', 'remove', '--force', side);
  return to;
}

const move = (to: Oid, more: Partial<Parameters<Repository['moveBranch']>[0]> = {}): Promise<MoveResult> =>
  repository.moveBranch({ branch: branch('main'), from, to, message: 'fast-forward from alice', ...more });

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const status = (): string => git(root, 'status', '--porcelain');

function expectUnmoved(): void {
  expect(revParse(root, 'main')).toBe(from);
  expectSettled();
}

function expectSettled(): void {
  const journal = join(root, '.git', 'peerweave', 'journal');
  expect(existsSync(journal) ? readdirSync(journal) : []).toEqual([]);
  fsck(root);
}

it('[SY5] moves a checked-out branch with its index and files', async () => {
  const to = incoming({ 'a.txt': 'new\n', 'deep/er/c.txt': 'c\n' }, ['dir']);
  expect(await move(to)).toEqual({ moved: true });
  expect(revParse(root, 'main')).toBe(to);
  expect(read('a.txt')).toBe('new\n');
  expect(existsSync(join(root, 'dir'))).toBe(false);
  expect(status()).toBe('');
  expect(git(root, 'reflog', '-1', '--format=%gs')).toBe('fast-forward from alice');
  expectSettled();
});

it('[SY12] does not move what is not wanted any more, also when it could', async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  const withdrawn = new AbortController();
  const moving = move(to, { withdrawn: withdrawn.signal });
  withdrawn.abort();
  expect(await moving).toEqual({ moved: false, refusal: { kind: 'ref-moved' } });
  expectUnmoved();
  expect(read('a.txt')).toBe('a\n');
  expect(await move(to, { withdrawn: new AbortController().signal })).toEqual({ moved: true });
});

it('[SY5] moves and creates branches that are checked out nowhere without touching files', async () => {
  git(root, 'branch', 'topic');
  const to = incoming({ 'a.txt': 'new\n' });
  expect(await move(to, { branch: branch('topic') })).toEqual({ moved: true });
  expect(await move(to, { branch: branch('fresh/one'), from: null })).toEqual({ moved: true });
  expect([revParse(root, 'topic'), revParse(root, 'fresh/one')]).toEqual([to, to]);
  expect(read('a.txt')).toBe('a\n');
  expect(status()).toBe('');
  expectUnmoved();
});

it('[SY5] refuses to move backwards or sideways', async () => {
  const to = incoming({ 'a.txt': 'theirs\n' });
  from = commit(root, { 'a.txt': 'mine\n' });
  expect(await move(to)).toMatchObject({ moved: false, refusal: { kind: 'failed' } });
  expectUnmoved();
});

it('[SY5] goes back with index and files, or sideways, where a person chose that', async () => {
  const to = incoming({ 'a.txt': 'theirs\n' });
  const first = from;
  from = commit(root, { 'a.txt': 'mine\n', 'mine/b.txt': 'b\n' });
  expect(await move(to, { kind: 'follow' })).toEqual({ moved: true });
  expect([read('a.txt'), existsSync(join(root, 'mine')), status()]).toEqual(['theirs\n', false, '']);
  from = to;
  expect(await move(first, { kind: 'undo' })).toEqual({ moved: true });
  expect([read('a.txt'), status(), revParse(root, 'main')]).toEqual(['a\n', '', first]);
  writeFiles(root, { 'a.txt': 'in the way\n' });
  from = first;
  expect(await move(to, { kind: 'rebase' })).toMatchObject({ refusal: { kind: 'local-changes', paths: ['a.txt'] } });
  expectUnmoved();
});

it('[SY5] deletes a branch where a person chose that and it is checked out nowhere', async () => {
  git(root, 'branch', 'topic');
  git(root, 'pack-refs', '--all');
  const drop = { branch: branch('topic'), from, to: null, message: 'x' } as const;
  expect(await repository.moveBranch(drop)).toMatchObject({ refusal: { kind: 'failed' } });
  git(root, 'switch', '--quiet', 'topic');
  const follow = { ...drop, kind: 'follow' } as const;
  expect(await repository.moveBranch(follow)).toEqual({ moved: false, refusal: { kind: 'checked-out', root } });
  git(root, 'switch', '--quiet', 'main');
  expect(await repository.moveBranch({ ...follow, from: null })).toMatchObject({ moved: false });
  expect(await repository.moveBranch(follow)).toEqual({ moved: true });
  expect(git(root, 'branch', '--list', 'topic')).toBe('');
  expectSettled();
});

it('[SY5] moves a branch that is checked out in a linked worktree together with that worktree', async () => {
  const linked = join(temp.path, 'linked');
  git(root, 'worktree', 'add', '--quiet', '-b', 'topic', linked);
  const to = incoming({ 'a.txt': 'new\n' });
  expect(await move(to, { branch: branch('topic') })).toEqual({ moved: true });
  expect(readFileSync(join(linked, 'a.txt'), 'utf8')).toBe('new\n');
  expect(git(linked, 'status', '--porcelain')).toBe('');
  expect(read('a.txt')).toBe('a\n');
  expectUnmoved();
});

it('[SY5] gives an unborn branch its first commit with files', async () => {
  const to = incoming({});
  git(root, 'switch', '--quiet', '--orphan', 'empty');
  expect(await move(to, { branch: branch('empty'), from: null })).toEqual({ moved: true });
  expect(read('dir/b.txt')).toBe('b\n');
  expect(status()).toBe('');
  expectSettled();
});

it('[SY6] keeps local changes elsewhere, staged and not, and moves', async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  writeFiles(root, { 'keep.txt': 'mine\n', 'staged.txt': 's\n', 'untracked.txt': 'u\n' });
  git(root, 'add', 'staged.txt');
  expect(await move(to)).toEqual({ moved: true });
  expect(read('keep.txt')).toBe('mine\n');
  expect(status().split('\n')).toEqual(['M keep.txt', 'A  staged.txt', '?? untracked.txt']);
});

it('[SY6] a touched but unchanged file is no local change', async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  utimesSync(join(root, 'a.txt'), 1, 1);
  expect(await move(to)).toEqual({ moved: true });
  expect(read('a.txt')).toBe('new\n');
});

describe('[SY6] waits, and touches nothing, when', () => {
  it.each([
    ['a changed file would be overwritten', { 'a.txt': 'mine\n' }, 'a.txt'],
    ['an untracked file is in the way', { 'new.txt': 'mine\n' }, 'new.txt'],
    ['an untracked file is where a folder must be', { folder: 'mine\n' }, 'folder'],
    ['an untracked folder is where a file must be', { 'leaf/x/y': 'mine\n' }, 'leaf/x/y'],
  ])('%s', async (_case, mine, path) => {
    const to = incoming({ 'a.txt': 'new\n', 'new.txt': 'n\n', 'folder/x': 'x\n', leaf: 'l\n' });
    writeFiles(root, mine);
    expect(await move(to)).toEqual({ moved: false, refusal: { kind: 'local-changes', paths: [path] } });
    for (const [file, content] of Object.entries(mine)) expect(read(file)).toBe(content);
    if (!('a.txt' in mine)) expect(read('a.txt')).toBe('a\n');
    expectUnmoved();
  });

  it('an ignored file is in the way', async () => {
    writeFileSync(join(root, '.git', 'info', 'exclude'), '.env\n');
    const side = join(temp.path, 'side');
    git(root, 'worktree', 'add', '--quiet', '--detach', side, from);
    writeFileSync(join(side, '.env'), 'theirs\n');
    git(side, 'add', '--force', '.env');
    git(side, 'commit', '--quiet', '--message', 'env');
    const to = revParse(side, 'HEAD');
    writeFileSync(join(root, '.env'), 'secret of mine\n');
    expect(await move(to)).toEqual({ moved: false, refusal: { kind: 'local-changes', paths: ['.env'] } });
    expect(read('.env')).toBe('secret of mine\n');
    expectUnmoved();
  });

  it.each([
    ['merge', 'MERGE_HEAD'],
    ['cherry-pick', 'CHERRY_PICK_HEAD'],
    ['revert', 'REVERT_HEAD'],
    ['bisect', 'BISECT_LOG'],
  ])('a %s is in progress', async (operation, file) => {
    const to = incoming({ 'a.txt': 'new\n' });
    writeFileSync(join(root, '.git', file), `${from}\n`);
    expect(await move(to)).toEqual({ moved: false, refusal: { kind: 'operation-in-progress', operation } });
    rmSync(join(root, '.git', file));
    expectUnmoved();
  });

  it('the branch is being rebased while HEAD is detached', async () => {
    const to = incoming({ 'a.txt': 'new\n' });
    git(root, 'switch', '--quiet', '--detach');
    mkdirSync(join(root, '.git', 'rebase-merge'));
    writeFileSync(join(root, '.git', 'rebase-merge', 'head-name'), 'refs/heads/main\n');
    expect(await move(to)).toMatchObject({ refusal: { kind: 'operation-in-progress', operation: 'rebase' } });
    expect(revParse(root, 'main')).toBe(from);
  });

  it('files that run code on open are touched, until they were reviewed', async () => {
    const to = incoming({ '.vscode/tasks.json': '{}\n', 'a.txt': 'new\n' });
    expect(await move(to)).toEqual({
      moved: false,
      refusal: { kind: 'sensitive-files', paths: ['.vscode/tasks.json'] },
    });
    expectUnmoved();
    expect(await move(to, { reviewed: true })).toEqual({ moved: true });
    expect(read('.vscode/tasks.json')).toBe('{}\n');
  });

  it('another process holds the index; its lock stays', async () => {
    const to = incoming({ 'a.txt': 'new\n' });
    const lock = join(root, '.git', 'index.lock');
    writeFileSync(lock, '');
    expect(await move(to)).toEqual({ moved: false, refusal: { kind: 'locked', path: lock } });
    expect(existsSync(lock)).toBe(true);
    rmSync(lock);
    expectUnmoved();
  });

  it('another process holds the ref; its lock stays', async () => {
    const to = incoming({ 'a.txt': 'new\n' });
    const lock = join(root, '.git', 'refs', 'heads', 'main.lock');
    writeFileSync(lock, '');
    expect(await move(to)).toMatchObject({ refusal: { kind: 'locked', path: lock } });
    expect(existsSync(lock)).toBe(true);
    expect(read('a.txt')).toBe('a\n');
    rmSync(lock);
    expectUnmoved();
  });
});

it('[SY12] loses to a commit that the user made meanwhile', async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  const mine = commit(root, { 'mine.txt': 'm\n' });
  expect(await move(to)).toEqual({ moved: false, refusal: { kind: 'ref-moved' } });
  expect(revParse(root, 'main')).toBe(mine);
  expect(await move(to, { branch: branch('gone') })).toEqual({ moved: false, refusal: { kind: 'ref-moved' } });
});

it('[SY5] names that exclude each other are told, not forced', async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  git(root, 'branch', 'topic');
  git(root, 'branch', 'x/y');
  for (const [name, other] of [
    ['topic/one', 'topic'],
    ['x', 'x/y'],
  ] as const) {
    const result = await move(to, { branch: branch(name), from: null });
    expect(result).toEqual({ moved: false, refusal: { kind: 'name-conflict', with: other } });
  }
  git(root, 'config', 'core.ignoreCase', 'true');
  const caseless = await provider.open(root);
  const request = { branch: branch('Topic'), from: null, to, message: 'x' };
  expect(await caseless.moveBranch(request)).toMatchObject({ refusal: { kind: 'name-conflict', with: 'topic' } });
  caseless.dispose();
});

it('[SY5] a disk that fills up while files are written leaves the worktree as it was', async () => {
  const mount = join(temp.path, 'small');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
  try {
    const linked = join(mount, 'linked');
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', linked);
    const large = { 'a.txt': 'new\n', 'b.bin': randomBytes(600_000).toString('hex'), 'keep.txt': 'new\n' };
    const to = incoming(large, ['dir']);
    const result = await move(to, { branch: branch('topic') });
    const message = expect.stringMatching(/^The disk is full\. Free some space/) as string;
    expect(result).toEqual({ moved: false, refusal: { kind: 'disk-full', message } });
    expect(revParse(root, 'topic')).toBe(from);
    expect(git(linked, 'status', '--porcelain')).toBe('');
    expectUnmoved();
  } finally {
    execFileSync('umount', ['--lazy', mount]);
  }
});

it("runs no hook of the user's or of the tree", async () => {
  const to = incoming({ 'a.txt': 'new\n' });
  for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change', 'post-merge']) {
    writeFileSync(join(root, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${join(temp.path, 'ran')}\n`, { mode: 0o755 });
  }
  expect(await move(to)).toEqual({ moved: true });
  expect(existsSync(join(temp.path, 'ran'))).toBe(false);
});
