import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair, Transform } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { aliceAndBob, expectClean } from '../../support/alice-and-bob.ts';
import { commit, git, gitInput, revParse, type TempFolder } from '../../support/git.ts';
import { connectTo, provider, requestAll } from '../../support/two-repositories.ts';

let temp: TempFolder;
let aliceRoot: string;
let bobRoot: string;
let alice: Repository;
let bob: Repository;
let end: () => void;

beforeEach(async () => {
  ({ temp, aliceRoot, bobRoot, alice, bob, end } = await aliceAndBob());
});

afterEach(() => end());

const objectCount = (root: string): string => git(root, 'count-objects', '-v').replace(/^size.*$/gm, '');

/** A commit on main whose tree holds one entry of any name, which git's porcelain would not make. */
function hostileCommit(mode: string, name: string): Oid {
  const blob = gitInput(aliceRoot, '[core]\n', 'hash-object', '-w', '--stdin');
  const isTree = mode === '40000';
  const child = isTree ? gitInput(aliceRoot, `100644 blob ${blob}\tconfig\n`, 'mktree') : blob;
  const raw = Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(child, 'hex')]);
  const tree = gitInput(aliceRoot, raw, 'hash-object', '-t', 'tree', '--literally', '-w', '--stdin');
  const tip = git(aliceRoot, 'commit-tree', '-p', 'HEAD', '-m', 'evil', tree) as Oid;
  git(aliceRoot, 'update-ref', 'refs/heads/main', tip);
  return tip;
}

it.each([
  ['40000', '.git'],
  ['40000', '.GiT'],
  ['40000', 'git~1'],
  ['40000', '.g\u200cit'],
  ['40000', '..'],
  ['100644', 'a/b'],
])('[SY2] refuses a tree with the entry %s %j', async (mode, name) => {
  hostileCommit(mode, name);
  const before = objectCount(bobRoot);
  await expect(bob.receive(requestAll(alice, aliceRoot))).rejects.toMatchObject({ reason: 'pack-rejected' });
  expect(objectCount(bobRoot)).toBe(before);
  expectClean(bobRoot);
});

it('[SY2] refuses hostile trees in large packs too', async () => {
  commit(aliceRoot, Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`n/${index}`, `${index}`])));
  hostileCommit('40000', '.GiT');
  await expect(bob.receive(requestAll(alice, aliceRoot))).rejects.toMatchObject({ reason: 'pack-rejected' });
  expectClean(bobRoot);
});

it('[SY2] refuses a pack bomb by its expanded sizes: 48 MB of zeros in 48 KB', async () => {
  const limits = { maxObjectBytes: 16 << 20 };
  commit(aliceRoot, { zeros: Buffer.alloc(48 << 20) });
  const before = objectCount(bobRoot);
  const attempt = bob.receive(requestAll(alice, aliceRoot, { limits }));
  await expect(attempt).rejects.toMatchObject({ reason: 'pack-too-large' });
  expect(objectCount(bobRoot)).toBe(before);
  expectClean(bobRoot);
});

it.each([
  [{ maxExpandedBytes: 100_000 }],
  [{ maxObjectBytes: 90_000 }],
  [{ maxObjects: 100 }],
  [{ maxPackBytes: 1000 }],
])('[SY2] refuses a pack beyond %o', async (limits) => {
  const files = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`n/${index}`, `${index}\n`.repeat(200)]));
  commit(aliceRoot, { ...files, large: 'x\n'.repeat(50_000) });
  const attempt = bob.receive(requestAll(alice, aliceRoot, { limits }));
  await expect(attempt).rejects.toMatchObject({ reason: 'pack-too-large' });
  expectClean(bobRoot);
});

it.each([
  ['their sum', { maxExpandedBytes: 45_000 * 1_500 }, 0],
  ['one of them', { maxObjectBytes: 1 << 20 }, 3 << 20],
])('[SY2] refuses so many objects that several processes look at their sizes, for %s', async (_, limits, large) => {
  const sizes = Array.from({ length: 60_000 }, () => 1_500);
  if (large > 0) sizes.push(large);
  const files = sizes.map((size, i) => `M 644 inline ${i % 100}/${i}\ndata ${size}\n${String(i).padStart(size)}\n`);
  const from = `from refs/heads/main^0\n${files.join('')}`;
  const stream = `commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n${from}\n`;
  gitInput(aliceRoot, stream, '-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet');
  const attempt = bob.receive(requestAll(alice, aliceRoot, { limits }));
  await expect(attempt).rejects.toMatchObject({ reason: 'pack-too-large' });
  expectClean(bobRoot);
});

/** A peer whose stream breaks after so many bytes. */
function dyingConnect(after: number) {
  return async (signal: AbortSignal) => {
    const inner = await connectTo(alice)(signal);
    const [ours, theirs] = duplexPair();
    let passed = 0;
    const cut = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        passed += chunk.length;
        if (passed < after) return done(null, chunk);
        done(null, chunk.subarray(0, 10));
        theirs.destroy();
        inner.destroy();
        ours.destroy(new Error('connection reset'));
      },
    });
    theirs.pipe(inner);
    inner.pipe(cut).pipe(theirs);
    return ours;
  };
}

it.each([10, 600, 20_000])(
  '[SY2] a peer that dies after %i bytes leaves nothing, and the next attempt succeeds',
  async (after) => {
    let noise = '';
    for (let index = 0; noise.length < 200_000; index += 1) noise += `${(index * 2_654_435_761) % 4_294_967_291}\n`;
    const tip = commit(aliceRoot, { noise });
    const attempt = bob.receive(requestAll(alice, aliceRoot, { connect: dyingConnect(after) }));
    await expect(attempt).rejects.toMatchObject({ reason: 'link-lost' });
    expectClean(bobRoot);
    await bob.receive(requestAll(alice, aliceRoot));
    expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  },
);

/** A peer who says so many bytes and then nothing more, on a stream that stays open: its git hangs, or it means to keep us waiting. */
function fallingSilent(after: number) {
  return async (signal: AbortSignal) => {
    const inner = await connectTo(alice)(signal);
    const [ours, theirs] = duplexPair();
    theirs.pipe(inner);
    let left = after;
    inner.on('data', (chunk: Buffer) => {
      theirs.write(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
    });
    ours.once('close', () => inner.destroy());
    return ours;
  };
}

it.each([0, 10, 600, 20_000])('[SY2] a peer who falls silent after %i bytes is not waited for', async (after) => {
  const tip = commit(aliceRoot, { noise: randomBytes(100_000) });
  const more = { connect: fallingSilent(after), limits: { maxSilenceMs: 500 } };
  const attempt = bob.receive(requestAll(alice, aliceRoot, more));
  await expect(attempt).rejects.toMatchObject({
    reason: 'link-lost',
    message: expect.stringContaining('said nothing') as string,
  });
  expectClean(bobRoot);
  await bob.receive(requestAll(alice, aliceRoot));
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
});

it('[SY2] a peer who does not even open a stream is not waited for', async () => {
  commit(aliceRoot, { g: 'g' });
  const connect = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new PeerweaveError('cancelled', 'Opening was cancelled.')));
    });
  const attempt = bob.receive(requestAll(alice, aliceRoot, { connect, limits: { maxSilenceMs: 100 } }));
  await expect(attempt).rejects.toMatchObject({ reason: 'link-lost' });
  expectClean(bobRoot);
});

it('[SY2] cancelling in the middle leaves nothing', async () => {
  commit(aliceRoot, { h: 'h' });
  const stop = new AbortController();
  const connect = async (signal: AbortSignal) => {
    const stream = await connectTo(alice)(signal);
    stream.once('data', () => stop.abort());
    return stream;
  };
  const attempt = bob.receive(requestAll(alice, aliceRoot, { connect, signal: stop.signal }));
  await expect(attempt).rejects.toMatchObject({ reason: 'cancelled' });
  expectClean(bobRoot);
});

it('says repository-locked when another process holds the ref, and leaves its lock', async () => {
  commit(aliceRoot, { i: 'i' });
  const lock = join(bobRoot, '.git', 'refs', 'remotes', 'peers', 'alice', 'main.lock');
  mkdirSync(join(lock, '..'), { recursive: true });
  writeFileSync(lock, '');
  await expect(bob.receive(requestAll(alice, aliceRoot))).rejects.toMatchObject({ reason: 'repository-locked' });
  expect(readdirSync(join(lock, '..'))).toEqual(['main.lock']);
  expectClean(bobRoot);
});

it.each([1, 150])('[SY10] a full disk while %i file(s) arrive is told as such and leaves nothing', async (files) => {
  const mount = join(temp.path, 'small');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount]);
  try {
    git(temp.path, 'clone', '--quiet', '--no-hardlinks', 'alice', join(mount, 'bob'));
    const root = join(mount, 'bob');
    const full = await provider.open(root);
    const noise = randomBytes(4_000_000);
    const size = Math.floor(noise.length / files);
    const parts = Array.from({ length: files }, (_, index) => [
      `n/${index}`,
      noise.subarray(index * size, (index + 1) * size),
    ]);
    commit(aliceRoot, Object.fromEntries(parts) as Record<string, Buffer>);
    await expect(full.receive(requestAll(alice, aliceRoot))).rejects.toMatchObject({ reason: 'disk-full' });
    expectClean(root);
    full.dispose();
  } finally {
    execFileSync('umount', ['--lazy', mount]);
  }
});
