import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoggedMove } from '../../../extension/src/p2p/repo/activity.ts';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { createLogger } from '../../../extension/src/shared/log.ts';
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
let from: Oid;
let to: Oid;

beforeEach(() => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'work'));
  from = commit(root, { 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'keep.txt': 'keep\n' });
  // A commit that no branch has, as if a peer had sent it.
  rmSync(join(root, 'dir/b.txt'));
  to = commit(root, { 'a.txt': 'new content\n', 'added.txt': 'added content\n' });
  git(root, 'reset', '--quiet', '--hard', from);
});

afterEach(() => temp.remove());

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const journal = (): string => join(root, '.git', 'peerweave', 'journal');
const status = (): string => git(root, 'status', '--porcelain');

function expectUnmoved(): void {
  expect(revParse(root, 'main')).toBe(from);
  expectSettled();
}

function expectSettled(): void {
  expect(existsSync(journal()) ? readdirSync(journal()) : []).toEqual([]);
  fsck(root);
}

describe('[SY11] after a crash, opening', () => {
  const ID = '999999999-0123456789abcdef';
  const begun = Date.now() - 60_000;

  /** What an engine that is dead now had written down before it began. */
  async function interrupted(pid?: number): Promise<void> {
    mkdirSync(journal(), { recursive: true });
    const child = spawn('true');
    await once(child, 'exit');
    const worktree = { root, gitDir: join(root, '.git') };
    const what = { branch: 'main', from, to, message: 'from alice', kind: 'merge', by: 'alice', at: begun };
    const entry = { ...what, worktree, pid: pid ?? child.pid };
    writeFileSync(join(journal(), `${ID}.json`), JSON.stringify(entry));
  }

  /** Opens the repository and resolves to what the activity log then has. */
  async function reopen(): Promise<readonly LoggedMove[]> {
    const repository = await provider.open(root);
    const entries = await repository.activity();
    repository.dispose();
    return entries;
  }

  it('finds nothing to do when nothing had happened', async () => {
    await interrupted();
    expect(await reopen()).toEqual([]);
    expect(status()).toBe('');
    expectUnmoved();
  });

  it('undoes files that were written before the index was, whole, in part and removed', async () => {
    await interrupted();
    writeFiles(root, { 'a.txt': 'new content\n', 'added.txt': 'added con' });
    rmSync(join(root, 'dir'), { recursive: true });
    expect(await reopen()).toEqual([]);
    expect(read('a.txt')).toBe('a\n');
    expect(read('dir/b.txt')).toBe('b\n');
    expect(status()).toBe('');
    expectUnmoved();
  });

  it('keeps what the user wrote since', async () => {
    await interrupted();
    writeFiles(root, { 'a.txt': 'mine\n', 'added.txt': 'mine too\n' });
    await reopen();
    expect([read('a.txt'), read('added.txt')]).toEqual(['mine\n', 'mine too\n']);
    expectUnmoved();
  });

  it('finishes when index and files were there and only the ref was not', async () => {
    await interrupted();
    git(root, 'read-tree', '-m', '-u', from, to);
    const worktree = root;
    expect(await reopen()).toEqual([
      {
        id: ID,
        at: begun,
        kind: 'merge',
        branch: 'main',
        from,
        to,
        by: 'alice',
        worktree,
        undoes: undefined,
        undone: false,
      },
    ]);
    expect(revParse(root, 'main')).toBe(to);
    expect(status()).toBe('');
    expectSettled();
    // Once.
    expect(await reopen()).toHaveLength(1);
  });

  it.each([
    ['it had happened, and is noted', 'from alice', 1],
    ['the user did it instead, and is not noted', 'merge by hand', 0],
  ])('leaves alone where the user went on after a move: %s', async (_case, message, noted) => {
    await interrupted();
    git(root, 'read-tree', '-m', '-u', from, to);
    // Not by `git`, whose clock stands still: the reflog says when.
    const env = { ...process.env, GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.org' };
    execFileSync('git', ['update-ref', '-m', message, 'refs/heads/main', to, from], { cwd: root, env });
    const mine = commit(root, { 'a.txt': 'later\n' });
    expect(await reopen()).toHaveLength(noted);
    expect(revParse(root, 'main')).toBe(mine);
    expect(status()).toBe('');
    expectSettled();
  });

  it('notes a move that was complete but for its note', async () => {
    await interrupted();
    git(root, 'merge', '--quiet', '--ff-only', to);
    expect(await reopen()).toMatchObject([{ id: ID, from, to }]);
    expectSettled();
  });

  it('leaves alone what a living engine is at, and a foreign lock', async () => {
    await interrupted(process.ppid);
    await reopen();
    expect(readdirSync(journal())).toEqual([`${ID}.json`]);
    await interrupted();
    writeFileSync(join(root, '.git', 'index.lock'), '');
    await reopen();
    expect(lstatSync(join(root, '.git', 'index.lock')).isFile()).toBe(true);
    expect(readdirSync(journal())).toEqual([`${ID}.json`]);
  });

  it('takes back the lock of the index that was its own', async () => {
    await interrupted();
    writeFileSync(join(root, '.git', 'index.lock'), `peerweave ${ID}\n`);
    await reopen();
    expect(existsSync(join(root, '.git', 'index.lock'))).toBe(false);
    expectUnmoved();
  });

  it.each([
    ['torn', '{"branch":"ma'],
    ['of another shape', JSON.stringify({ branch: 'main', from: 'x', to: 7 })],
    [
      'hostile',
      JSON.stringify({ branch: '../../config', from: null, to: '0'.repeat(40), message: '', worktree: null, pid: 1 }),
    ],
  ])('sets aside an entry that is %s, reports it, and goes on', async (_what, text) => {
    await interrupted();
    git(root, 'read-tree', '-m', '-u', from, to);
    writeFileSync(join(journal(), 'a.json'), text);
    const lines: string[] = [];
    const log = createLogger(({ level, text: line }) => lines.push(`${level}: ${line}`));
    (await new SystemGitProvider({ log }).open(root)).dispose();
    expect(readFileSync(join(root, '.git', 'peerweave', 'journal-unreadable', 'a.json'), 'utf8')).toBe(text);
    expect(lines).toContainEqual(expect.stringMatching(/^error: .*a\.json; no ref was touched/));
    // The other entry was recovered all the same.
    expect(revParse(root, 'main')).toBe(to);
    expectSettled();
  });

  it('takes no move of a repository that is open for a leftover', async () => {
    const repository = await provider.open(root);
    const request = { branch: branch('main'), from, to, message: 'x' };
    const [moved, again] = await Promise.all([repository.moveBranch(request), provider.open(root)]);
    expect(moved).toEqual({ moved: true });
    repository.dispose();
    expect(status()).toBe('');
    again.dispose();
    expectSettled();
  });
});
