import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CloneBitmap } from '../../../extension/src/p2p/repo/git/clone-bitmap.ts';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import { serveUploadPack, startUploadPack } from '../../../extension/src/p2p/repo/git/serve.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, fsck, git, initRepository, revParse, tempFolder, type TempFolder } from '../../support/git.ts';
import { cloneRequest, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let bitmap: CloneBitmap;

beforeEach(() => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'served'));
  for (let i = 0; i < 20; i++) commit(root, { [`${i}.txt`]: `${i}\n`.repeat(50) }, `Commit ${i}`);
  git(root, 'repack', '-adq');
  bitmap = bitmapOf(root);
});

afterEach(() => {
  bitmap.dispose();
  temp.remove();
});

const gitDirOf = (repo: string): string => join(repo, '.git');
const homeOf = (repo: string): string => join(gitDirOf(repo), 'peerweave', 'aids', `${process.pid}-test`);
const folderOf = (repo: string): string => join(homeOf(repo), 'bitmap');
const packsIn = (objects: string): string[] => readdirSync(join(objects, 'pack')).sort();

const bitmapOf = (repo: string, minIndexBytes = 0): CloneBitmap =>
  new CloneBitmap({ git: new Git(), gitDir: gitDirOf(repo), home: homeOf(repo), log: silentLogger, minIndexBytes });

/** Git's own check that a bitmap is there and says the same as a walk. */
function testBitmap(repo: string, env: Record<string, string>, commit = 'HEAD'): void {
  execFileSync('git', ['rev-list', '--test-bitmap', commit], {
    cwd: repo,
    env: { PATH: process.env.PATH, ...env },
    stdio: 'pipe',
  });
}

/** Clones from what is served with the bitmap, as a guest's history is. */
async function cloneWithBitmap(repo: string): Promise<string> {
  const env = await bitmap.env();
  const connect = async (signal: AbortSignal, what: 'tip' | 'history'): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    const upload = startUploadPack(new Git(), gitDirOf(repo), {
      hideHead: false,
      ...(what === 'tip' ? { tipOnly: true } : { env }),
    });
    serveUploadPack(upload, theirs, signal).catch(() => theirs.destroy());
    return ours;
  };
  const repository = await provider.open(repo);
  const clone = await provider.clone(cloneRequest(repository, repo, join(temp.path, 'clone'), { connect }));
  clone.dispose();
  repository.dispose();
  return clone.info.root;
}

it('gives git a bitmap that it takes, and leaves the object folder as it was', async () => {
  const before = packsIn(join(gitDirOf(root), 'objects'));
  await bitmap.make();
  const env = await bitmap.env();
  testBitmap(root, env);
  expect(() => testBitmap(root, {})).toThrow(/bitmap/);
  expect(packsIn(join(gitDirOf(root), 'objects'))).toEqual(before);
});

it('serves a clone with all there is, also what was committed since', async () => {
  await bitmap.make();
  const tip = commit(root, { 'later.txt': 'later\n' }, 'Later');
  git(root, 'tag', '-a', 'v1', '-m', 'One');
  const clone = await cloneWithBitmap(root);
  expect(revParse(clone, 'HEAD')).toBe(tip);
  expect(revParse(clone, 'v1')).toBe(revParse(root, 'v1'));
  fsck(clone);
});

it('serves nothing that no branch or tag reaches, though it lies in the same pack', async () => {
  const main = revParse(root, 'HEAD');
  const secret = commit(root, { 'secret.txt': 'not to be shared\n' }, 'Secret');
  git(root, 'update-ref', 'refs/stash', secret);
  git(root, 'reset', '--quiet', '--hard', main);
  git(root, 'repack', '-adq');
  await bitmap.make();
  testBitmap(root, await bitmap.env());
  const clone = await cloneWithBitmap(root);
  const has = (oid: string): string => git(clone, 'cat-file', '-t', oid);
  expect(has(main)).toBe('commit');
  expect(() => has(secret)).toThrow();
  expect(() => has(git(root, 'rev-parse', `${secret}:secret.txt`))).toThrow();
});

it('is not used once the repository has replaced its packs, and made anew for the new ones', async () => {
  await bitmap.make();
  const old = packsIn(folderOf(root)).find((name) => name.endsWith('.pack'));
  commit(root, { 'later.txt': 'later\n' });
  git(root, 'repack', '-adq');
  expect(await bitmap.env()).toEqual({});
  await bitmap.make();
  testBitmap(root, await bitmap.env());
  expect(packsIn(folderOf(root))).not.toContain(old);
});

it('is still used when packs have come to those that it covers, and made anew when it is asked for', async () => {
  await bitmap.make();
  const covered = statSync(join(folderOf(root), 'pack', 'multi-pack-index')).ino;
  commit(root, { 'later.txt': 'later\n' });
  git(root, 'repack', '-dq');
  testBitmap(root, await bitmap.env(), 'HEAD~1');
  await bitmap.make();
  expect(statSync(join(folderOf(root), 'pack', 'multi-pack-index')).ino).not.toBe(covered);
  expect(packsIn(folderOf(root)).filter((name) => name.endsWith('.pack'))).toHaveLength(2);
});

it('is left as it is while little has come to what it covers', async () => {
  const some = bitmapOf(root, 2_000);
  await some.make();
  const covered = statSync(join(folderOf(root), 'pack', 'multi-pack-index')).ino;
  commit(root, { 'later.txt': 'later\n' });
  git(root, 'repack', '-dq');
  await some.make();
  expect(statSync(join(folderOf(root), 'pack', 'multi-pack-index')).ino).toBe(covered);
  testBitmap(root, await some.env(), 'HEAD~1');
});

it('goes when the repository is closed, also while it is being made', async () => {
  await bitmap.make();
  bitmap.dispose();
  expect(await bitmap.env()).toEqual({});
  const hurried = bitmapOf(root);
  const making = hurried.make();
  hurried.dispose();
  await making;
  await hurried.make();
  expect(existsSync(folderOf(root))).toBe(false);
});

it('stays when a repository that did not make it is closed', async () => {
  await bitmap.make();
  (await provider.open(root)).dispose();
  testBitmap(root, await bitmap.env());
});

it('replaces what an engine that was killed has left', async () => {
  mkdirSync(join(folderOf(root), 'pack'), { recursive: true });
  writeFileSync(join(folderOf(root), 'pack', 'pack-0000000000000000000000000000000000000000.pack'), 'left');
  await bitmap.make();
  testBitmap(root, await bitmap.env());
  expect(packsIn(folderOf(root)).join()).not.toContain('pack-0000');
});

it.each([
  ['a repository that is small', (): CloneBitmap => bitmapOf(root, 1024 * 1024)],
  [
    'one that has a bitmap of its own',
    (): CloneBitmap => {
      git(root, 'repack', '-adbq');
      return bitmapOf(root);
    },
  ],
  [
    'one without packs',
    (): CloneBitmap => {
      const young = initRepository(join(temp.path, 'young'));
      commit(young, { a: 'a' });
      return bitmapOf(young);
    },
  ],
  [
    'one whose packs build on those of another',
    (): CloneBitmap => {
      const borrower = join(temp.path, 'borrower');
      git(temp.path, 'clone', '--quiet', '--shared', root, borrower);
      commit(borrower, { 'own.txt': 'own\n' });
      git(borrower, 'repack', '-dlq');
      return bitmapOf(borrower);
    },
  ],
])('makes none for %s', async (_, prepare) => {
  const none = prepare();
  await none.make();
  expect(await none.env()).toEqual({});
  expect(existsSync(none.folder)).toBe(false);
  none.dispose();
});
