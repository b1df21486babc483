import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { aliceAndBob, expectClean } from '../../support/alice-and-bob.ts';
import {
  commit,
  fsck,
  git,
  gitInput,
  initRepository,
  revParse,
  sharedRefs,
  type TempFolder,
} from '../../support/git.ts';
import { cloneRequest, provider, ref, requestAll } from '../../support/two-repositories.ts';

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

it('[SY2] brings a new commit and records it in the namespace of the peer, and nowhere else', async () => {
  const before = sharedRefs(bobRoot);
  const tip = commit(aliceRoot, { 'src/a.ts': 'a' });
  const { moves, refused, bytes } = await bob.receive(requestAll(alice, aliceRoot));
  expect(moves).toEqual([{ ref: 'refs/remotes/peers/alice/main', from: null, to: tip }]);
  expect(refused).toEqual([]);
  expect(bytes).toBeGreaterThan(0);
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  expect(sharedRefs(bobRoot)).toEqual(before);
  expectClean(bobRoot);
});

it('[SY2] takes a large update as a pack', async () => {
  const files = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`many/${index}`, `${index}\n`]));
  const tip = commit(aliceRoot, files);
  const tasks = new Set<string>();
  await bob.receive(requestAll(alice, aliceRoot, { onProgress: ({ task }) => tasks.add(task) }));
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  expect([...tasks]).toContain('Receiving objects');
  expect(git(bobRoot, 'count-objects', '-v')).toContain('packs: 1');
  expectClean(bobRoot);
});

it('parts so that serving was a success on the other side', async () => {
  commit(aliceRoot, { 'src/a.ts': 'a' });
  let serving: Promise<void> | undefined;
  const connect = async () => {
    const [ours, theirs] = duplexPair();
    serving = alice.serve(theirs);
    return ours;
  };
  await bob.receive(requestAll(alice, aliceRoot, { connect }));
  await expect(serving).resolves.toBeUndefined();
});

it('asks for no connection when everything is here', async () => {
  const connect = async (): Promise<never> => {
    throw new Error('must not connect');
  };
  const { moves } = await bob.receive(requestAll(alice, aliceRoot, { connect }));
  expect(moves).toHaveLength(1);
});

it('finds common history with a peer it has never met', async () => {
  for (let index = 0; index < 40; index += 1) commit(bobRoot, { mine: `${index}` });
  git(aliceRoot, 'switch', '--quiet', '--create', 'other');
  git(aliceRoot, 'branch', '--quiet', '--delete', '--force', 'main');
  const tip = commit(aliceRoot, { theirs: 'x' });
  const { bytes } = await bob.receive(requestAll(alice, aliceRoot));
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/other')).toBe(tip);
  // One commit, one tree, one blob: not the history.
  expect(bytes).toBeLessThan(600);
  expectClean(bobRoot);
});

it('[SY3] makes the namespace match the manifest: moves, deletions, a folder where a branch was', async () => {
  git(aliceRoot, 'branch', 'topic');
  await bob.receive(requestAll(alice, aliceRoot));
  git(aliceRoot, 'branch', '--quiet', '--delete', 'topic');
  git(aliceRoot, 'branch', 'topic/one');
  const tip = commit(aliceRoot, { b: 'b' });
  const { moves } = await bob.receive(requestAll(alice, aliceRoot));
  expect(moves.map(({ ref: name, to }) => [name, to === null])).toEqual(
    expect.arrayContaining([
      ['refs/remotes/peers/alice/main', false],
      ['refs/remotes/peers/alice/topic', true],
      ['refs/remotes/peers/alice/topic/one', false],
    ]),
  );
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  expectClean(bobRoot);
});

it('[SY3] refuses hostile names and lets the others through', async () => {
  const tip = commit(aliceRoot, { c: 'c' });
  const request = requestAll(alice, aliceRoot);
  for (const name of [
    'refs/heads/../../config',
    'refs/heads/a\u0000b',
    'refs/heads/x.lock',
    `refs/heads/${'y'.repeat(300)}`,
  ]) {
    request.refs.set(ref(name), tip);
  }
  const { refused } = await bob.receive(request);
  expect(refused.map((one) => one.ref)).toHaveLength(4);
  expect(git(bobRoot, 'for-each-ref', '--format=%(refname)', 'refs/remotes/peers')).toBe(
    'refs/remotes/peers/alice/main',
  );
  expectClean(bobRoot);
});

it('[SY3] keeps apart names that a file system would not', async () => {
  for (const name of ['Topic', 'topic', 'caf\u00e9', 'cafe\u0301']) git(aliceRoot, 'branch', name);
  const { moves, refused } = await bob.receive(requestAll(alice, aliceRoot));
  expect(refused).toEqual([]);
  const folded = moves.map(({ ref: name }) => name.normalize('NFC').toLowerCase());
  expect(new Set(folded).size).toBe(5);
});

it('[SY8] brings the objects of tags without mirroring them', async () => {
  commit(aliceRoot, { d: 'd' });
  git(aliceRoot, 'tag', '--annotate', '--message', 'one', 'v1');
  git(aliceRoot, 'tag', '--annotate', '--message', 'odd', 'Odd');
  await bob.receive(requestAll(alice, aliceRoot));
  const tag = revParse(aliceRoot, 'refs/tags/v1');
  expect(git(bobRoot, 'for-each-ref', 'refs/remotes/peers', '--format=%(refname)')).not.toContain('v1');
  expect(await bob.createTag(ref('refs/tags/v1'), tag)).toBe(true);
  expect(await bob.createTag(ref('refs/tags/v1'), revParse(aliceRoot, 'refs/tags/Odd'))).toBe(false);
  expect(revParse(bobRoot, 'refs/tags/v1')).toBe(tag);
  expectClean(bobRoot);
});

it('[SY8] creates no tag of something that is not all here', async () => {
  const tip = commit(aliceRoot, { t: 't' });
  const lines = [`object ${tip}`, 'type commit', 'tag v2', 'tagger A <a@example.org> 1 +0000', '', 'two', ''];
  const hollow = gitInput(bobRoot, lines.join('\n'), 'hash-object', '-t', 'tag', '--literally', '-w', '--stdin') as Oid;
  for (const oid of [hollow, tip]) {
    await expect(bob.createTag(ref('refs/tags/v2'), oid)).rejects.toMatchObject({ reason: 'object-missing' });
  }
  expect(git(bobRoot, 'tag')).toBe('');
  await expect(bob.createTag(ref('refs/tags/v..2'), tip)).rejects.toMatchObject({ reason: 'ref-name-rejected' });
  await bob.receive(requestAll(alice, aliceRoot));
  expect(await bob.createTag(ref('refs/tags/v2'), hollow)).toBe(true);
  expectClean(bobRoot);
});

it('takes an announced commit that its branch has meanwhile moved past', async () => {
  const announced = commit(aliceRoot, { e: '1' });
  const request = requestAll(alice, aliceRoot);
  commit(aliceRoot, { e: '2' });
  const { moves, refused } = await bob.receive(request);
  expect(moves).toEqual([{ ref: 'refs/remotes/peers/alice/main', from: null, to: announced }]);
  expect(refused).toEqual([]);
  expectClean(bobRoot);
});

it('a ref that is gone at the peer does not fail the others', async () => {
  commit(aliceRoot, { f: 'f' });
  git(aliceRoot, 'switch', '--quiet', '--create', 'brief');
  commit(aliceRoot, { g: 'g' });
  const request = requestAll(alice, aliceRoot);
  git(aliceRoot, 'switch', '--quiet', 'main');
  git(aliceRoot, 'branch', '--quiet', '--delete', '--force', 'brief');
  const { moves, refused } = await bob.receive(request);
  expect(moves.map((move) => move.ref)).toEqual(['refs/remotes/peers/alice/main']);
  expect(refused.map((one) => one.ref)).toEqual(['refs/heads/brief']);
  expectClean(bobRoot);
});

it('says object-missing when nothing of the manifest is offered any more', async () => {
  git(aliceRoot, 'switch', '--quiet', '--orphan', 'new');
  git(aliceRoot, 'commit', '--quiet', '--allow-empty', '--message', 'gone');
  const gone = revParse(aliceRoot, 'HEAD');
  git(aliceRoot, 'switch', '--quiet', 'main');
  git(aliceRoot, 'branch', '--quiet', '--delete', '--force', 'new');
  const refs = new Map([[ref('refs/heads/new'), gone]]);
  const attempt = bob.receive({ ...requestAll(alice, aliceRoot), refs });
  await expect(attempt).rejects.toMatchObject({ reason: 'object-missing' });
  expectClean(bobRoot);
});

it('[SY11] opening sweeps what a crashed engine left in staging, and leaves what a live one uses', async () => {
  const staging = join(bobRoot, '.git', 'peerweave', 'staging');
  const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
  for (const name of [`${dead}-00`, `${process.pid}-11`]) mkdirSync(join(staging, name, 'pack'), { recursive: true });
  (await provider.open(bobRoot)).dispose();
  expect(readdirSync(staging)).toEqual([`${process.pid}-11`]);
});

it('forgets a peer without touching another', async () => {
  await bob.receive(requestAll(alice, aliceRoot));
  await bob.receive({ ...requestAll(alice, aliceRoot), namespace: 'carol' });
  await bob.forgetPeer('alice');
  expect(git(bobRoot, 'for-each-ref', '--format=%(refname)', 'refs/remotes/peers')).toBe(
    'refs/remotes/peers/carol/main',
  );
});

it('works between SHA-256 repositories', async () => {
  const from = initRepository(join(temp.path, 'sha256'), '--object-format=sha256');
  commit(from, { a: '1' });
  git(temp.path, 'clone', '--quiet', 'sha256', 'sha256-copy');
  const [source, copy] = await Promise.all([provider.open(from), provider.open(join(temp.path, 'sha256-copy'))]);
  const tip = commit(from, { a: '2' });
  const { moves } = await copy.receive(requestAll(source, from));
  expect(moves[0]?.to).toBe(tip);
  fsck(join(temp.path, 'sha256-copy'));
  source.dispose();
  copy.dispose();
});

it('[SY11] opening removes a lock among the peer refs that a crash left, and no other', async () => {
  await bob.receive(requestAll(alice, aliceRoot));
  const locks = ['refs/remotes/peers/alice/main.lock', 'refs/remotes/origin/main.lock'].map((name) =>
    join(bobRoot, '.git', name),
  );
  for (const lock of locks) writeFileSync(lock, '');
  (await provider.open(bobRoot)).dispose();
  expect(locks.map((lock) => existsSync(lock))).toEqual([true, true]);
  for (const lock of locks) utimesSync(lock, 1, 1);
  (await provider.open(bobRoot)).dispose();
  expect(locks.map((lock) => existsSync(lock))).toEqual([false, true]);
});

it.skipIf(process.platform === 'win32')(
  'receives in a folder whose path holds what git separates paths by',
  async () => {
    const [from, to] = ['a:b "served"', 'c:"d" \\e'].map((name) => join(temp.path, name)) as [string, string];
    initRepository(from);
    const first = commit(from, { 'a.txt': 'a\n' });
    const there = await provider.open(from);
    const here = await provider.clone(cloneRequest(there, from, to));
    const next = commit(from, { 'a.txt': 'b\n' });
    await here.receive(requestAll(there, from));
    expect(revParse(to, 'main')).toBe(first);
    expect(revParse(to, 'refs/remotes/peers/alice/main')).toBe(next);
    expectClean(to);
    for (const repository of [there, here]) repository.dispose();
  },
);

it('takes a pack in a repository that is configured to an older kind of index', async () => {
  git(bobRoot, 'config', 'pack.indexVersion', '1');
  const files = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`many/${index}`, `${index}\n`]));
  const tip = commit(aliceRoot, files);
  await bob.receive(requestAll(alice, aliceRoot));
  expect(revParse(bobRoot, 'refs/remotes/peers/alice/main')).toBe(tip);
  expectClean(bobRoot);
});
