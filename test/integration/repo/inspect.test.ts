import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import { commit, git, initRepository, tempFolder, type TempFolder } from '../../support/git.ts';
import { provider } from '../../support/two-repositories.ts';

let temp: TempFolder;
const at = (name: string): string => join(temp.path, name);

beforeEach(() => {
  temp = tempFolder();
  commit(initRepository(at('full')), { a: '1' });
  commit(at('full'), { a: '2' });
});

afterEach(() => temp.remove());

it('knows a repository by any of its folders and worktrees', async () => {
  mkdirSync(at('full/deep/er'), { recursive: true });
  git(at('full'), 'worktree', 'add', '--quiet', at('linked'));
  const state = await provider.inspect(at('full'));
  const roots = [git(at('full'), 'rev-list', '--max-parents=0', 'HEAD')];
  const info = { root: at('full'), gitDir: at('full/.git'), objectFormat: 'sha1', roots };
  expect(state).toEqual({ kind: 'repository', info });
  expect(await provider.inspect(at('full/deep/er'))).toEqual(state);
  expect(await provider.inspect(at('linked'))).toEqual(state);
});

it('a folder without a repository, or no folder at all, is told apart from an unusable one', async () => {
  mkdirSync(at('plain'));
  expect(await provider.inspect(at('plain'))).toEqual({ kind: 'no-repository' });
  expect(await provider.inspect(at('nowhere'))).toEqual({ kind: 'no-repository' });
  await expect(provider.open(at('plain'))).rejects.toMatchObject({ reason: 'not-a-repository' });
});

it.each([
  ['repository-shallow', ['clone', '--quiet', '--depth=1'], /unshallow/],
  ['repository-bare', ['clone', '--quiet', '--bare'], /clone of it/],
  ['repository-partial', ['clone', '--quiet', '--filter=blob:none'], /full clone/],
])('says %s and what to do', async (reason, command, advice) => {
  git(at('full'), 'config', 'uploadpack.allowFilter', 'true');
  git(temp.path, ...command, `file://${at('full')}`, 'other');
  const state = await provider.inspect(at('other'));
  expect(state).toMatchObject({ kind: 'unusable', reason });
  expect(state).toHaveProperty('message', expect.stringMatching(advice));
  await expect(provider.open(at('other'))).rejects.toMatchObject({ reason });
});

it('says git-missing and git-too-old, and looks again once git was installed', async () => {
  const executable = at('git');
  const own = new SystemGitProvider({ git: executable });
  await expect(own.inspect(at('full'))).rejects.toMatchObject({ reason: 'git-missing' });
  writeFileSync(executable, '#!/bin/sh\necho git version 2.25.1\n', { mode: 0o755 });
  await expect(own.inspect(at('full'))).rejects.toMatchObject({ reason: 'git-too-old' });
  writeFileSync(executable, '#!/bin/sh\nexec git "$@"\n', { mode: 0o755 });
  expect(await own.inspect(at('full'))).toMatchObject({ kind: 'repository' });
});

it('says repository-unsupported for a format that this git does not know', async () => {
  git(at('full'), 'config', 'core.repositoryFormatVersion', '1');
  git(at('full'), 'config', 'extensions.fromTheFuture', 'true');
  expect(await provider.inspect(at('full'))).toMatchObject({ kind: 'unusable', reason: 'repository-unsupported' });
});

it('initialises a folder, which then has no commit and an unborn branch', async () => {
  const repository = await provider.init(at('new/folder'));
  expect(repository.info.roots).toEqual([]);
  const { refs, head } = await repository.snapshot();
  expect(refs.size).toBe(0);
  expect(head).toBeTypeOf('string');
  repository.dispose();
});

it('a snapshot has branches and tags, loose and packed, and no symbolic ref', async () => {
  const root = at('full');
  git(root, 'tag', '--annotate', '--message', 't', 'v1');
  git(root, 'branch', 'packed');
  git(root, 'pack-refs', '--all');
  git(root, 'branch', 'loose/one');
  git(root, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/main');
  git(root, 'update-ref', 'refs/remotes/peers/x/main', 'HEAD');
  commit(root, { b: 'b' });
  const repository = await provider.open(root);
  const { refs, head } = await repository.snapshot();
  const expected = git(root, 'for-each-ref', '--format=%(refname) %(objectname) %(symref)', 'refs/heads', 'refs/tags')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , symref]) => !symref)
    .map(([name, oid]) => [name, oid]);
  expect([...refs].sort()).toEqual(expected.sort());
  expect(head).toBe('main');
  git(root, 'switch', '--quiet', '--detach');
  expect((await repository.snapshot()).head).toBeUndefined();
  repository.dispose();
});
