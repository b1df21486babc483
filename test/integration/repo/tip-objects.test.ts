import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import { serveUploadPack, startUploadPack } from '../../../extension/src/p2p/repo/git/serve.ts';
import { TipObjects, type TipObjectsOptions } from '../../../extension/src/p2p/repo/git/tip-objects.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, fsck, git, initRepository, revParse, tempFolder, type TempFolder } from '../../support/git.ts';
import { cloneRequest, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;
let tip: TipObjects;

/** Text that does not compress, so that a version of it is kept as a delta of another. */
const text = (bytes: number): string => randomBytes(bytes / 2).toString('hex');

beforeEach(() => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'served'));
  const body = text(20_000);
  // The newest version is the smaller one, and git keeps the smaller of two as the delta.
  commit(root, { 'a.txt': `${body}${text(2_000)}`, 'whole.txt': text(20_000) }, 'Begin');
  commit(root, { 'a.txt': body }, 'Less');
  git(root, 'repack', '-adfq');
  tip = prepare();
});

afterEach(() => {
  tip.dispose();
  temp.remove();
});

const prepare = (more: Partial<TipObjectsOptions> = {}): TipObjects =>
  new TipObjects({
    git: new Git(),
    gitDir: join(root, '.git'),
    home: join(root, '.git', 'peerweave', 'aids', `${process.pid}-test`),
    log: silentLogger,
    minBytes: 1_000,
    ...more,
  });

/** What the checked-out commit holds and git, so pointed, finds as deltas. */
function deltas(env: Record<string, string>): string[] {
  const oids = git(root, 'rev-list', '--objects', '--no-object-names', '--no-walk', 'HEAD');
  const out = execFileSync('git', ['cat-file', '--batch-check=%(objectname) %(deltabase)'], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    input: `${oids}\n`,
    encoding: 'utf8',
  });
  const lines = out.trimEnd().split('\n');
  return lines.flatMap((line) => (/ 0+$/.test(line) ? [] : line.split(' ').slice(0, 1)));
}

const packsIn = (folder: string): string[] => readdirSync(join(folder, 'pack')).sort();

it('has whole what the repository keeps as deltas, and leaves the object folder as it was', async () => {
  const before = packsIn(join(root, '.git/objects'));
  const kept = deltas({});
  expect(kept).toEqual([revParse(root, 'HEAD:a.txt')]);
  await tip.make();
  expect(deltas(await tip.env())).toEqual([]);
  expect(packsIn(join(root, '.git/objects'))).toEqual(before);
});

it('serves a tip as it is, and one that has moved on since', async () => {
  await tip.make();
  const newest = commit(root, { 'b.txt': 'b\n' }, 'More');
  const connect = async (signal: AbortSignal, what: 'tip' | 'history'): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    const options = what === 'tip' ? { tipOnly: true, env: await tip.env() } : {};
    const upload = startUploadPack(new Git(), join(root, '.git'), { hideHead: false, ...options });
    serveUploadPack(upload, theirs, signal).catch(() => theirs.destroy());
    return ours;
  };
  const repository = await provider.open(root);
  const clone = await provider.clone(cloneRequest(repository, root, join(temp.path, 'clone'), { connect }));
  expect(revParse(clone.info.root, 'HEAD')).toBe(newest);
  expect(git(clone.info.root, 'status', '--porcelain')).toBe('');
  fsck(clone.info.root);
  clone.dispose();
  repository.dispose();
});

it('stays while it is of use, and is made anew when the tip has become another', async () => {
  await tip.make();
  const first = packsIn(tip.folder);
  commit(root, { 'b.txt': 'b\n' }, 'Little');
  await tip.make();
  expect(packsIn(tip.folder)).toEqual(first);
  const body = text(30_000);
  commit(root, { 'c.txt': `${body}${text(2_000)}` }, 'Much');
  commit(root, { 'c.txt': body }, 'Less of it');
  git(root, 'repack', '-adfq');
  await tip.make();
  expect(packsIn(tip.folder)).not.toEqual(first);
  expect(deltas(await tip.env())).toEqual([]);
});

it('is left alone when what it keeps as a delta builds on what it has too', async () => {
  const body = text(20_000);
  commit(root, { 'b.txt': body, 'c.txt': `${body}${text(2_000)}` }, 'Two alike');
  git(root, 'repack', '-adfq');
  await tip.make();
  expect(deltas(await tip.env())).toHaveLength(1);
  const first = packsIn(tip.folder);
  const made = statSync(join(tip.folder, 'pack')).ino;
  await tip.make();
  expect(packsIn(tip.folder)).toEqual(first);
  expect(statSync(join(tip.folder, 'pack')).ino).toBe(made);
});

it('is of use, and stays, where the repository has an index over many packs', async () => {
  git(root, 'multi-pack-index', 'write');
  await tip.make();
  expect(deltas(await tip.env())).toEqual([]);
  const made = statSync(join(tip.folder, 'pack')).ino;
  commit(root, { 'b.txt': 'b\n' }, 'Little');
  await tip.make();
  expect(statSync(join(tip.folder, 'pack')).ino).toBe(made);
});

it('is not looked at again before HEAD or the packs change', async () => {
  const git = new Git();
  const started = vi.spyOn(git, 'start');
  const none = prepare({ git, minBytes: 1024 * 1024 });
  await none.make();
  const first = started.mock.calls.length;
  await none.make();
  expect(started.mock.calls.slice(first).map(([[command]]) => command)).toEqual(['rev-parse']);
});

it('is done without when somebody has removed it', async () => {
  await tip.make();
  rmSync(tip.folder, { recursive: true });
  expect(await tip.env()).toEqual({});
});

it('goes when the repository is closed, also while it is being made', async () => {
  await tip.make();
  tip.dispose();
  expect(await tip.env()).toEqual({});
  const hurried = prepare();
  const making = hurried.make();
  hurried.dispose();
  await making;
  await hurried.make();
  expect(existsSync(hurried.folder)).toBe(false);
});

it.each([
  ['little to unpack', () => prepare({ minBytes: 1024 * 1024 })],
  ['so much that the copy would take the disk', () => prepare({ maxBytes: 10_000 })],
  [
    'no commit yet',
    () => {
      git(root, 'checkout', '--quiet', '--orphan', 'none');
      return prepare();
    },
  ],
])('is not made for a repository with %s', async (_, make) => {
  const none = make();
  await none.make();
  expect(await none.env()).toEqual({});
  expect(existsSync(none.folder)).toBe(false);
});
