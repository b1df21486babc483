import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CloneAids } from '../../../extension/src/p2p/repo/git/clone-aids.ts';
import { Git } from '../../../extension/src/p2p/repo/git/git.ts';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, fsck, git, gitInput, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { cloneRequest, provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
let root: string;

beforeEach(() => {
  temp = tempFolder();
  root = initRepository(join(temp.path, 'served'));
});

afterEach(() => {
  vi.useRealTimers();
  temp.remove();
});

/** Two commits, of which git keeps the file of the newer one, which is smaller, as a delta of the older one's. */
function commitDelta(name: string, bytes: number): void {
  const body = randomBytes(bytes / 2).toString('hex');
  commit(root, { [name]: `${body}${randomBytes(1_000).toString('hex')}` }, 'Much');
  commit(root, { [name]: body }, 'Less of it');
  git(root, 'repack', '-adfq');
}

const homes = (): string[] => {
  const folder = join(root, '.git', 'peerweave', 'aids');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
};

it('are made for a repository that somebody is about to clone, used for who does, and gone when it is closed', async () => {
  const files = Array.from({ length: 20_000 }, (_, i) => `M 644 inline n/${i}\ndata ${String(i).length}\n${i}\n`);
  const stream = `commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n${files.join('')}\n`;
  gitInput(root, stream, '-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet');
  git(root, 'reset', '--quiet', '--hard');
  commitDelta('large.txt', 1_200_000);
  // Tells where a git that serves was told to look for objects.
  const [script, told] = [join(temp.path, 'git'), join(temp.path, 'told')];
  const note = `case "$*" in *upload-pack*) echo "$GIT_OBJECT_DIRECTORY $GIT_ALTERNATE_OBJECT_DIRECTORIES" >> '${told}';; esac`;
  writeFileSync(script, `#!/bin/sh\n${note}\nexec git "$@"\n`, { mode: 0o755 });
  const repository = await new SystemGitProvider({ git: script }).open(root);
  repository.expectClones();
  // The history's comes last.
  const made = (): boolean => homes().some((home) => existsSync(join(home, 'bitmap', 'pack', 'multi-pack-index')));
  await vi.waitUntil(made, { timeout: 30_000 });
  const connect = async (signal: AbortSignal, what: 'tip' | 'history'): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    repository.serve(theirs, { signal, tipOnly: what === 'tip' }).catch(() => theirs.destroy());
    return ours;
  };
  const clone = await provider.clone(cloneRequest(repository, root, join(temp.path, 'clone'), { connect }));
  const [home = ''] = homes();
  const objects = join(root, '.git', 'objects');
  expect(readFileSync(told, 'utf8')).toBe(`${join(home, 'tip')} ${objects}\n ${join(home, 'bitmap')}\n`);
  fsck(clone.info.root);
  clone.dispose();
  repository.dispose();
  expect(homes()).toEqual([]);
});

it('are looked after while clones are expected: once refs have been quiet, and never while they are in use', async () => {
  commitDelta('a.txt', 20_000);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const options = { git: new Git(), gitDir: join(root, '.git'), log: silentLogger, minBytes: 1_000, minIndexBytes: 0 };
  const aids = new CloneAids({ ...options, quietMs: 1_000 });
  const env = (): Promise<Record<string, string>> => aids.use('tip', async (found) => found);
  const packs = (): string =>
    homes()
      .flatMap((home) => readdirSync(join(home, 'tip', 'pack')))
      .join();
  aids.changed();
  expect(vi.getTimerCount()).toBe(0);
  aids.expect();
  await expect.poll(env).not.toEqual({});
  const first = packs();
  const done = deferred();
  const serving = aids.use('tip', () => done.promise);
  commitDelta('c.txt', 30_000);
  aids.changed();
  vi.advanceTimersByTime(1_000);
  // It has looked, and looks again later.
  expect(vi.getTimerCount()).toBe(1);
  expect(packs()).toBe(first);
  done.resolve();
  await serving;
  vi.advanceTimersByTime(1_000);
  await expect.poll(async () => Object.keys(await env()).length > 0 && packs() !== first).toBe(true);
  aids.dispose();
  expect(homes()).toEqual([]);
});

it('of an engine that was killed are removed when the repository is opened', async () => {
  commit(root, { a: 'a' });
  const left = join(root, '.git', 'peerweave', 'aids', '999999999-0123456789abcdef', 'tip', 'pack');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'pack-0.pack'), 'left');
  (await provider.open(root)).dispose();
  expect(homes()).toEqual([]);
});
