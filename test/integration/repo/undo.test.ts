import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoggedMove, UndoResult } from '../../../extension/src/p2p/repo/activity.ts';
import type { MoveRequest, Repository } from '../../../extension/src/p2p/repo/repository.ts';
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
let to: Oid;

beforeEach(async () => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'work'));
  from = commit(root, { 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'keep.txt': 'keep\n' });
  // A commit that no branch has, as if a peer had sent it.
  rmSync(join(root, 'dir'), { recursive: true });
  to = commit(root, { 'a.txt': 'new\n', 'added.txt': 'added\n' });
  git(root, 'reset', '--quiet', '--hard', from);
  repository = await provider.open(root);
});

afterEach(() => {
  repository.dispose();
  temp.remove();
});

async function moved(more: Partial<MoveRequest> = {}): Promise<LoggedMove> {
  const request = { branch: branch('main'), from, to, message: 'peerweave: fast-forward from alice', by: 'alice' };
  expect(await repository.moveBranch({ ...request, ...more })).toEqual({ moved: true });
  const [entry] = await repository.activity();
  return entry!;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const status = (): string => git(root, 'status', '--porcelain');

/** Everything is as the move left it, and nothing of an attempt is left. */
function expectUntouched(): void {
  expect(revParse(root, 'main')).toBe(to);
  const journal = join(root, '.git', 'peerweave', 'journal');
  expect(existsSync(journal) ? readdirSync(journal) : []).toEqual([]);
  fsck(root);
}

const refusalOf = (result: UndoResult): unknown => (result.undone ? undefined : result.refusal);

describe('[SY13] undo puts back', () => {
  it('a checked-out branch with its index and files, and is an entry of its own', async () => {
    const entry = await moved();
    expect(await repository.undo()).toEqual({ undone: true, entry: { ...entry, undone: true } });
    expect(revParse(root, 'main')).toBe(from);
    expect([read('a.txt'), read('dir/b.txt'), existsSync(join(root, 'added.txt'))]).toEqual(['a\n', 'b\n', false]);
    expect(status()).toBe('');
    expect(git(root, 'reflog', '-1', '--format=%gs')).toBe('peerweave: undo of fast-forward by alice');
    const [undo, first] = await repository.activity();
    expect(undo).toMatchObject({ kind: 'undo', branch: 'main', from: to, to: from, undoes: entry.id, undone: false });
    expect(first).toEqual({ ...entry, undone: true });
    fsck(root);
  });

  it('and puts forth again, when the undo is undone', async () => {
    const entry = await moved();
    await repository.undo();
    const [undo] = await repository.activity();
    expect(await repository.undo(undo!.id)).toMatchObject({ undone: true });
    expect([revParse(root, 'main'), read('a.txt'), status()]).toEqual([to, 'new\n', '']);
    const entries = await repository.activity();
    expect(entries.map(({ kind, undone }) => [kind, undone])).toEqual([
      ['undo', false],
      ['undo', true],
      ['fast-forward', false],
    ]);
    // Which can be undone once more.
    expect(await repository.undo()).toMatchObject({ entry: { id: entry.id } });
    expect([revParse(root, 'main'), status()]).toEqual([from, '']);
  });

  it('one move after the other, the last first', async () => {
    const first = await moved();
    git(root, 'branch', 'topic', from);
    const second = await moved({ branch: branch('topic') });
    const results = [await repository.undo(), await repository.undo(), await repository.undo()];
    expect(results.map((result) => (result.undone ? result.entry.id : result.refusal.kind))).toEqual([
      second.id,
      first.id,
      'nothing',
    ]);
  });

  it('a move by its id, others left alone', async () => {
    const first = await moved();
    git(root, 'branch', 'topic', from);
    await moved({ branch: branch('topic') });
    expect(await repository.undo(first.id)).toMatchObject({ undone: true, entry: { branch: 'main' } });
    expect([revParse(root, 'main'), revParse(root, 'topic')]).toEqual([from, to]);
  });

  it('a branch that is checked out in a linked worktree, with that worktree', async () => {
    const linked = join(temp.path, 'linked');
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', linked);
    expect((await moved({ branch: branch('topic') })).worktree).toBe(linked);
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect(readFileSync(join(linked, 'a.txt'), 'utf8')).toBe('a\n');
    expect([git(linked, 'status', '--porcelain'), status()]).toEqual(['', '']);
  });

  it('only the ref, where the branch is checked out no more', async () => {
    await moved();
    git(root, 'switch', '--quiet', '--detach');
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect([revParse(root, 'main'), revParse(root, 'HEAD'), read('a.txt')]).toEqual([from, to, 'new\n']);
    expect(status()).toBe('');
  });

  it('a branch that a sync created: it goes again, and comes back when that is undone', async () => {
    await moved({ branch: branch('fresh'), from: null });
    expect(await repository.undo()).toMatchObject({ undone: true, entry: { kind: 'created' } });
    expect(git(root, 'branch', '--list', 'fresh')).toBe('');
    const [undo] = await repository.activity();
    expect(undo).toMatchObject({ from: to, to: null });
    expect(await repository.undo(undo!.id)).toMatchObject({ undone: true });
    expect(revParse(root, 'fresh')).toBe(to);
  });

  it('a rebase, though it is neither forward nor back', async () => {
    const mine = commit(root, { 'mine.txt': 'mine\n' });
    await moved({ from: mine, kind: 'rebase' });
    expect(await repository.undo()).toMatchObject({ undone: true, entry: { kind: 'rebase' } });
    expect([revParse(root, 'main'), read('mine.txt'), read('a.txt'), status()]).toEqual([mine, 'mine\n', 'a\n', '']);
  });

  it('what only the branch had, which is kept: nothing of it is lost to git gc', async () => {
    // As a resolution that nobody has taken yet.
    await moved({ kind: 'resolve' });
    await repository.undo();
    git(root, 'reflog', 'expire', '--expire=now', '--expire-unreachable=now', '--all');
    git(root, 'gc', '--quiet', '--prune=now');
    expect(await repository.keptTips()).toMatchObject([{ branch: 'main', tip: to }]);
    const [undo] = await repository.activity();
    expect(await repository.undo(undo!.id)).toMatchObject({ undone: true });
    expect([revParse(root, 'main'), read('a.txt'), status()]).toEqual([to, 'new\n', '']);
  });

  it('what a peer has, which needs not be kept', async () => {
    git(root, 'update-ref', 'refs/remotes/peers/alice/main', to);
    await moved();
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect(await repository.keptTips()).toEqual([]);
  });

  it('around changes of the user that are elsewhere, staged, unstaged and untracked', async () => {
    await moved();
    writeFiles(root, { 'keep.txt': 'mine\n', 'staged.txt': 's\n', 'untracked.txt': 'u\n' });
    git(root, 'add', 'staged.txt');
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect(read('keep.txt')).toBe('mine\n');
    expect(status().split('\n')).toEqual(['M keep.txt', 'A  staged.txt', '?? untracked.txt']);
  });

  it('files that run code on open, which were there before', async () => {
    const tasks = commit(root, { '.vscode/tasks.json': '{"mine":1}\n' });
    const theirs = commit(root, { '.vscode/tasks.json': '{"theirs":1}\n' });
    git(root, 'reset', '--quiet', '--hard', tasks);
    await moved({ from: tasks, to: theirs, reviewed: true });
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect(read('.vscode/tasks.json')).toBe('{"mine":1}\n');
  });
});

describe('[SY13] undo is refused, and touches nothing, when', () => {
  const inWorktree: readonly (readonly [string, () => void, string])[] = [
    ['a file that the move changed was changed', () => writeFiles(root, { 'a.txt': 'mine\n' }), 'a.txt'],
    [
      'a file that the move changed was staged',
      () => {
        writeFiles(root, { 'a.txt': 'mine\n' });
        git(root, 'add', 'a.txt');
      },
      'a.txt',
    ],
    ['an untracked file is where one comes back', () => writeFiles(root, { 'dir/b.txt': 'mine\n' }), 'dir/b.txt'],
    ['an untracked file is where a folder comes back', () => writeFiles(root, { dir: 'mine\n' }), 'dir'],
  ];
  it.each(inWorktree)('%s', async (_case, disturb, path) => {
    const entry = await moved();
    disturb();
    const before = [status(), existsSync(join(root, 'added.txt'))];
    const refusal = { kind: 'local-changes', paths: [path] };
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'move', entry, refusal });
    expect(await repository.keptTips()).toEqual([]);
    expect(read(path)).toBe('mine\n');
    expect([status(), existsSync(join(root, 'added.txt'))]).toEqual(before);
    expectUntouched();
  });

  it('the branch has gone on, was reset, or is gone', async () => {
    const entry = await moved();
    const mine = commit(root, { 'mine.txt': 'mine\n' });
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'gone-on', entry, at: mine });
    git(root, 'switch', '--quiet', '--detach');
    git(root, 'branch', '--quiet', '-D', 'main');
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'gone-on', entry, at: null });
    git(root, 'branch', 'main', to);
    expectUntouched();
  });

  it('it was undone already, or nothing was moved, or nothing of that id', async () => {
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'nothing' });
    expect(refusalOf(await repository.undo('x'))).toEqual({ kind: 'unknown' });
    const { id } = await moved();
    await repository.undo();
    // Back where it was by other hands, too.
    git(root, 'merge', '--quiet', '--ff-only', to);
    expect(refusalOf(await repository.undo(id))).toMatchObject({ kind: 'undone', entry: { id } });
    expectUntouched();
  });

  it('a merge is in progress', async () => {
    const entry = await moved();
    writeFileSync(join(root, '.git', 'MERGE_HEAD'), `${from}\n`);
    const refusal = { kind: 'operation-in-progress', operation: 'merge' };
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'move', entry, refusal });
    rmSync(join(root, '.git', 'MERGE_HEAD'));
    expectUntouched();
  });

  it('the branch is being rebased while HEAD is detached', async () => {
    await moved();
    git(root, 'switch', '--quiet', '--detach');
    mkdirSync(join(root, '.git', 'rebase-merge'));
    writeFileSync(join(root, '.git', 'rebase-merge', 'head-name'), 'refs/heads/main\n');
    expect(refusalOf(await repository.undo())).toMatchObject({ refusal: { operation: 'rebase' } });
    rmSync(join(root, '.git', 'rebase-merge'), { recursive: true });
    expectUntouched();
  });

  it('somebody else holds the index', async () => {
    await moved();
    const lock = join(root, '.git', 'index.lock');
    writeFileSync(lock, '');
    expect(refusalOf(await repository.undo())).toMatchObject({ refusal: { kind: 'locked', path: lock } });
    rmSync(lock);
    expectUntouched();
  });

  it('a branch that a sync created is checked out by now', async () => {
    await moved({ branch: branch('fresh'), from: null });
    git(root, 'switch', '--quiet', 'fresh');
    expect(refusalOf(await repository.undo())).toMatchObject({ refusal: { kind: 'checked-out', root } });
    expect(git(root, 'branch', '--show-current')).toBe('fresh');
    expect(status()).toBe('');
  });

  it('the worktree where it is checked out is gone', async () => {
    const linked = join(temp.path, 'linked');
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', linked);
    await moved({ branch: branch('topic') });
    rmSync(linked, { recursive: true });
    const message = expect.stringContaining('git worktree prune') as string;
    expect(refusalOf(await repository.undo())).toMatchObject({ refusal: { kind: 'failed', message } });
    expect(revParse(root, 'topic')).toBe(to);
    git(root, 'worktree', 'prune');
    expect(await repository.undo()).toMatchObject({ undone: true });
    expect(revParse(root, 'topic')).toBe(from);
  });

  it('what it was at has been pruned', async () => {
    const mine = commit(root, { 'mine.txt': 'mine\n' });
    const entry = await moved({ from: mine, kind: 'rebase' });
    git(root, 'reflog', 'expire', '--expire=now', '--expire-unreachable=now', '--all');
    git(root, 'prune', '--expire=now');
    expect(refusalOf(await repository.undo())).toEqual({ kind: 'pruned', entry });
    expectUntouched();
  });
});

it('[SY12] two undos at once: one wins, the other is told so', async () => {
  await moved();
  const results = await Promise.all([repository.undo(), repository.undo()]);
  expect(results.map(({ undone }) => undone).sort()).toEqual([false, true]);
  expect([revParse(root, 'main'), status()]).toEqual([from, '']);
});
