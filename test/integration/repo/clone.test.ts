import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CloneRequest, Repository } from '../../../extension/src/p2p/repo/repository.ts';
import {
  commit,
  fsck,
  git,
  gitInput,
  initRepository,
  revParse,
  sharedRefs,
  tempFolder,
  type TempFolder,
} from '../../support/git.ts';
import { branch, cloneRequest, connectTo, provider, ref } from '../../support/two-repositories.ts';

let temp: TempFolder;
let source: string;
let target: string;
let alice: Repository;

// Sixty commits are made once; each test works on a copy.
const template = tempFolder();

beforeAll(() => {
  initRepository(template.path);
  for (let index = 0; index < 60; index += 1) {
    commit(template.path, { [`f/${index}`]: `${index}\n`, 'a.txt': `${index}\n` });
  }
  git(template.path, 'branch', 'side', 'HEAD~3');
  git(template.path, 'tag', '--annotate', '--message', 'one', 'v1', 'HEAD~5');
});

afterAll(() => template.remove());

beforeEach(async () => {
  temp = tempFolder();
  target = join(temp.path, 'new', 'clone');
  source = join(temp.path, 'source');
  cpSync(template.path, source, { recursive: true });
  alice = await provider.open(source);
});

afterEach(() => {
  alice.dispose();
  temp.remove();
});

const request = (more: Partial<CloneRequest> = {}): CloneRequest => cloneRequest(alice, source, target, more);

/** A `connect` that runs something before the second connection, the one for the history. */
function onHistory(action: () => void | Promise<void>): CloneRequest['connect'] {
  let calls = 0;
  return async (signal): Promise<Duplex> => {
    calls += 1;
    if (calls === 2) await action();
    return connectTo(alice)(signal);
  };
}

function expectFull(): void {
  expect(sharedRefs(target)).toEqual(sharedRefs(source));
  expect(revParse(target, 'refs/remotes/peers/alice/side')).toBe(revParse(source, 'side'));
  expect(existsSync(join(target, '.git', 'shallow'))).toBe(false);
  expect(readdirSync(join(target, '.git', 'peerweave', 'staging'))).toEqual([]);
  expect(git(target, 'rev-list', '--count', 'main')).toBe(git(source, 'rev-list', '--count', 'main'));
  expect(git(target, 'status', '--porcelain')).toBe('');
  fsck(target);
}

it('[C4] gives a full clone, with the tip checked out before the history is there', async () => {
  let atUsable: unknown;
  const clone = await provider.clone(
    request({
      onUsable: () => {
        const shallow = existsSync(join(target, '.git', 'shallow'));
        atUsable = {
          shallow,
          file: readFileSync(join(target, 'a.txt'), 'utf8'),
          status: git(target, 'status', '--porcelain'),
        };
      },
    }),
  );
  expect(atUsable).toEqual({ shallow: true, file: '59\n', status: '' });
  expect(clone.info.objectFormat).toBe('sha1');
  expectFull();
  clone.dispose();
});

it('[C4] keeps what the user commits and changes while history arrives', async () => {
  let mine: string | undefined;
  const clone = await provider.clone(
    request({
      onUsable: () => {
        mine = commit(target, { 'mine.txt': 'm\n' });
        writeFileSync(join(target, 'a.txt'), 'draft\n');
        git(target, 'branch', 'side');
      },
    }),
  );
  expect(revParse(target, 'main')).toBe(mine);
  expect(revParse(target, 'side')).toBe(mine);
  expect(revParse(target, 'main~1')).toBe(revParse(source, 'main'));
  expect(git(target, 'rev-list', '--count', 'main')).toBe('61');
  expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('draft\n');
  fsck(target);
  clone.dispose();
});

it('clones into an empty folder that exists', async () => {
  mkdirSync(target, { recursive: true });
  (await provider.clone(request())).dispose();
  expectFull();
});

it('clones when the host moves on before and between the two fetches', async () => {
  const refs = sharedRefs(source);
  commit(source, { late: '1' });
  const connect = onHistory(() => void commit(source, { late: '2' }));
  const clone = await provider.clone(request({ refs, connect }));
  expect(sharedRefs(target)).toEqual(refs);
  expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('59\n');
  fsck(target);
  clone.dispose();
});

it('an empty session gives an initialised repository on the head branch', async () => {
  const clone = await provider.clone(request({ refs: new Map(), head: branch('trunk') }));
  expect((await clone.snapshot()).head).toBe('trunk');
  expect((await clone.snapshot()).refs.size).toBe(0);
  clone.dispose();
});

it('takes main or the first branch when the head is not shared', async () => {
  const refs = new Map([[ref('refs/heads/side'), revParse(source, 'side')]]);
  const clone = await provider.clone(request({ refs, head: branch('main') }));
  expect((await clone.snapshot()).head).toBe('side');
  expect(git(target, 'status', '--porcelain')).toBe('');
  clone.dispose();
});

it('clones a SHA-256 repository', async () => {
  const root = initRepository(join(temp.path, 'sha256'), '--object-format=sha256');
  commit(root, { a: '1' });
  commit(root, { a: '2' });
  const repository = await provider.open(root);
  const more = { refs: sharedRefs(root), objectFormat: 'sha256', connect: connectTo(repository) } as const;
  const clone = await provider.clone(request(more));
  expect(clone.info.objectFormat).toBe('sha256');
  expect(sharedRefs(target)).toEqual(sharedRefs(root));
  fsck(target);
  clone.dispose();
  repository.dispose();
});

it('[SE10] refuses a folder that is not empty and leaves it alone', async () => {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'precious'), 'p');
  await expect(provider.clone(request())).rejects.toMatchObject({ reason: 'folder-not-empty' });
  expect(readdirSync(target)).toEqual(['precious']);
});

it('[SE10] leaves nothing when the host cannot be reached', async () => {
  const connect = async (): Promise<never> => {
    throw new Error('no route');
  };
  await expect(provider.clone(request({ connect }))).rejects.toMatchObject({ reason: 'link-lost' });
  expect(existsSync(target)).toBe(false);
});

it('[C4] keeps the usable tip when the connection goes, and completes the clone later', async () => {
  const connect = onHistory(() => {
    throw new Error('connection reset');
  });
  await expect(provider.clone(request({ connect }))).rejects.toMatchObject({ reason: 'link-lost' });
  expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('59\n');
  (await provider.completeClone(request())).dispose();
  expectFull();
});

it('[SE10] leaves an empty folder empty when it is cancelled', async () => {
  mkdirSync(target, { recursive: true });
  const stop = new AbortController();
  const attempt = provider.clone(request({ signal: stop.signal, onUsable: () => stop.abort() }));
  await expect(attempt).rejects.toMatchObject({ reason: 'cancelled' });
  expect(readdirSync(target)).toEqual([]);
});

it('[SE10] a failure after the user has begun to work leaves that work', async () => {
  const stop = new AbortController();
  const attempt = provider.clone(
    request({
      signal: stop.signal,
      onUsable: () => {
        writeFileSync(join(target, 'mine.txt'), 'm');
        stop.abort();
      },
    }),
  );
  await expect(attempt).rejects.toMatchObject({ reason: 'cancelled' });
  expect(readFileSync(join(target, 'mine.txt'), 'utf8')).toBe('m');
  expect(git(target, 'status', '--porcelain')).toBe('?? mine.txt');
});

it('[SY2] a clone passes the gate too', async () => {
  const attempt = provider.clone(request({ limits: { maxObjects: 10 } }));
  await expect(attempt).rejects.toMatchObject({ reason: 'pack-too-large' });
  expect(existsSync(target)).toBe(false);
});

it('runs no hook and no command that the tree names', async () => {
  commit(source, {
    '.gitattributes': '* filter=evil\n',
    '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = ./x\n',
    '.githooks/post-checkout': '#!/bin/sh\ntouch ran\n',
  });
  const clone = await provider.clone(request());
  expect(existsSync(join(target, 'ran'))).toBe(false);
  expect(git(target, 'config', '--local', '--list')).not.toMatch(/filter|hookspath|submodule/i);
  clone.dispose();
});

describe('the pack that the tip came in', () => {
  const packs = (): string[] =>
    readdirSync(join(target, '.git', 'objects', 'pack')).filter((name) => name.endsWith('.pack'));

  beforeEach(() => {
    const files = Array.from({ length: 120 }, (_, index) => [`many/${index}`, `${index}\n`] as const);
    commit(source, Object.fromEntries(files));
  });

  it('goes once the history holds the same', async () => {
    let atUsable: string[] = [];
    (await provider.clone(request({ onUsable: () => (atUsable = packs()) }))).dispose();
    expect(atUsable).toHaveLength(1);
    expect(packs()).toHaveLength(1);
    expect(packs()).not.toEqual(atUsable);
    expectFull();
  });

  it('goes too when another engine brings the history', async () => {
    const connect = onHistory(() => {
      throw new Error('connection reset');
    });
    await expect(provider.clone(request({ connect }))).rejects.toMatchObject({ reason: 'link-lost' });
    (await provider.completeClone(request())).dispose();
    expect(packs()).toHaveLength(1);
    expectFull();
  });

  it.each([
    ['is to be kept', (pack: string) => writeFileSync(pack.replace(/pack$/, 'keep'), '')],
    ['is in an index over many', () => git(target, 'multi-pack-index', 'write')],
  ])('stays when it %s', async (_why, act) => {
    const onUsable = (): void => {
      act(join(target, '.git', 'objects', 'pack', packs()[0] ?? ''));
    };
    (await provider.clone(request({ onUsable }))).dispose();
    expect(packs()).toHaveLength(2);
    expectFull();
  });

  it('stays when it holds more than the history brings, which a commit of mine may build on', async () => {
    const connect = onHistory(() => {
      throw new Error('connection reset');
    });
    await expect(provider.clone(request({ connect }))).rejects.toMatchObject({ reason: 'link-lost' });
    const extra = gitInput(target, 'extra\n', 'hash-object', '-w', '--stdin');
    const base = join(target, '.git', 'objects', 'pack', 'pack');
    const name = `pack-${gitInput(target, `${extra}\n${revParse(target, 'HEAD')}\n`, 'pack-objects', '-q', base)}`;
    const path = join(target, '.git', 'peerweave', 'clone.json');
    const marker = JSON.parse(readFileSync(path, 'utf8')) as { tipPacks: string[] };
    writeFileSync(path, JSON.stringify({ ...marker, tipPacks: [...marker.tipPacks, name] }));
    (await provider.completeClone(request())).dispose();
    expect(packs()).toHaveLength(2);
    expect(packs()).toContain(`${name}.pack`);
  });

  it('stays when it is the history', async () => {
    git(source, 'checkout', '--quiet', '--orphan', 'single');
    commit(source, {});
    git(source, 'branch', '--quiet', '--delete', '--force', 'main', 'side');
    git(source, 'tag', '--delete', 'v1');
    (await provider.clone(request({ head: branch('single') }))).dispose();
    expect(packs()).toHaveLength(1);
    fsck(target);
  });
});
