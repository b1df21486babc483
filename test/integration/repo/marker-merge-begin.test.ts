import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { lines } from '../../support/diverged.ts';
import { git, revParse, writeFiles } from '../../support/git.ts';
import { MarkerScene } from './marker-scene.ts';

let scene: MarkerScene;

beforeEach(() => {
  scene = new MarkerScene();
});
afterEach(() => scene.remove());

describe('beginning', () => {
  it('leaves what git leaves: markers that say whose, the sides in the index, MERGE_HEAD', async () => {
    await scene.usual();
    expect(await scene.begin()).toEqual({ begun: true, files: ['f'] });
    const label = `peerweave/merging/bob-${scene.theirs.slice(0, 7)}`;
    expect(scene.read('f').split('\n').slice(4, 11)).toEqual([
      '<<<<<<< HEAD',
      'mine',
      `||||||| ${revParse(scene.root, 'HEAD~').slice(0, 7)}`,
      '5',
      '=======',
      'theirs',
      `>>>>>>> ${label}`,
    ]);
    expect(scene.read('clean')).toBe(lines(9, { 1: 'theirs', 9: 'mine' }));
    expect(scene.status()).toEqual(['M  clean', 'UU f', 'A  new.txt']);
    expect(scene.read('.git/MERGE_HEAD').trim()).toBe(scene.theirs);
    expect(git(scene.root, 'ls-files', '-u', '--', 'f').split('\n')).toHaveLength(3);
    expect(await scene.repository.markerMerges.current()).toEqual({
      root: scene.root,
      branch: 'main',
      ours: scene.ours,
      theirs: scene.theirs,
      label,
    });
    expect(await scene.states()).toEqual(['f markers']);
  });

  it('keeps changes that are not in the way, and the style that the user chose', async () => {
    await scene.usual();
    git(scene.root, 'config', 'merge.conflictStyle', 'merge');
    writeFiles(scene.root, { keep: 'changed\n', 'untracked.txt': 'mine\n' });
    expect(await scene.begin()).toMatchObject({ begun: true });
    expect(scene.read('f')).not.toContain('|||||||');
    expect([scene.read('keep'), scene.read('untracked.txt')]).toEqual(['changed\n', 'mine\n']);
  });

  it('begins a merge without conflicts too: there it only has to be completed', async () => {
    await scene.diverged([{ f: lines(9) }], [{ f: lines(9, { 1: 'mine' }) }], [{ f: lines(9, { 9: 'theirs' }) }]);
    expect(await scene.begin()).toEqual({ begun: true, files: [] });
    const made = await scene.complete();
    expect(git(scene.root, 'rev-list', '--parents', '-1', made)).toBe(`${made} ${scene.ours} ${scene.theirs}`);
  });

  it('begins where the branch is checked out, in a linked worktree', async () => {
    await scene.usual();
    git(scene.root, 'checkout', '--quiet', '-b', 'elsewhere');
    const linked = join(scene.folder, 'linked');
    git(scene.root, 'worktree', 'add', '--quiet', linked, 'main');
    expect(await scene.begin()).toEqual({ begun: true, files: ['f'] });
    expect(readFileSync(join(linked, 'f'), 'utf8')).toContain('>>>>>>> peerweave/merging/bob-');
    expect(scene.status()).toEqual([]);
    writeFileSync(join(linked, 'f'), 'settled\n');
    const made = await scene.complete();
    expect([revParse(linked, 'main'), revParse(scene.root, 'HEAD')]).toEqual([made, scene.ours]);
    expect(scene.labels()).toBe('');
  });

  it('never minds options that the user has for merges into this branch', async () => {
    await scene.usual();
    git(scene.root, 'config', 'branch.main.mergeOptions', '--squash');
    git(scene.root, 'config', 'merge.autoStash', 'true');
    git(scene.root, 'config', 'merge.ff', 'only');
    expect(await scene.begin()).toMatchObject({ begun: true });
    expect(scene.read('.git/MERGE_HEAD').trim()).toBe(scene.theirs);
  });

  it('[SY5] runs no hook of the repository', async () => {
    await scene.usual();
    for (const name of ['pre-merge-commit', 'post-merge', 'post-index-change', 'post-checkout', 'prepare-commit-msg'])
      scene.hook(name, 'touch ran');
    await scene.begin();
    expect(existsSync(join(scene.root, 'ran'))).toBe(false);
  });

  it('what a peer names in .gitattributes runs only if the user has said what it is', async () => {
    const attributes = 'f merge=evil filter=evil\nnew.txt filter=mine\n';
    await scene.diverged(
      [{ f: lines(9) }],
      [{ f: lines(9, { 5: 'mine' }) }],
      [{ f: lines(9, { 5: 'theirs' }), '.gitattributes': attributes, 'new.txt': 'new\n' }],
    );
    git(scene.root, 'config', 'filter.mine.smudge', 'tr a-z A-Z');
    expect(await scene.begin()).toEqual({ begun: true, files: ['f'] });
    expect(scene.read('new.txt')).toBe('NEW\n');
    expect(await scene.states()).toEqual(['f markers']);
  });
});

describe('refusing beforehand, with nothing touched', () => {
  it('a branch that is not checked out, or that has moved', async () => {
    await scene.usual();
    await scene.untouched(async () =>
      expect(await scene.begin({ ours: scene.theirs })).toMatchObject({ refusal: { kind: 'ref-moved' } }),
    );
    git(scene.root, 'checkout', '--quiet', '--detach');
    await scene.untouched(async () =>
      expect(await scene.begin()).toMatchObject({ refusal: { kind: 'not-checked-out' } }),
    );
  });

  it.each([
    ['a changed file', { f: 'mine, not committed\n' }, ['f']],
    ['a file that is there untracked', { 'new.txt': 'mine\n' }, ['new.txt']],
    ['a file of ours where a folder comes', { 'new.txt/inside': 'mine\n' }, ['new.txt/inside']],
  ])('[SY6] %s in the way', async (_, files, paths) => {
    await scene.usual();
    writeFiles(scene.root, files);
    await scene.untouched(async () =>
      expect(await scene.begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths } }),
    );
  });

  it('[SY6] an ignored file in the way, which git itself would overwrite', async () => {
    await scene.diverged(
      [{ f: 'f\n', '.gitignore': '.env\n' }],
      [{ f: 'mine\n' }],
      [
        (at) => {
          writeFiles(at, { '.env': 'theirs\n' });
          git(at, 'add', '--force', '.env');
        },
      ],
    );
    writeFiles(scene.root, { '.env': 'secret\n' });
    expect(await scene.begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths: ['.env'] } });
    expect(scene.read('.env')).toBe('secret\n');
  });

  it('[SY6] anything staged: git would commit it along', async () => {
    await scene.usual();
    writeFiles(scene.root, { keep: 'staged\n' });
    git(scene.root, 'add', 'keep');
    await scene.untouched(async () =>
      expect(await scene.begin()).toEqual({ begun: false, refusal: { kind: 'local-changes', paths: ['keep'] } }),
    );
  });

  it('[SY6] an operation in progress, also one of our own', async () => {
    await scene.usual();
    writeFiles(scene.root, { '.git/CHERRY_PICK_HEAD': `${scene.theirs}\n` });
    expect(await scene.begin()).toMatchObject({ refusal: { kind: 'operation-in-progress', operation: 'cherry-pick' } });
    rmSync(join(scene.root, '.git/CHERRY_PICK_HEAD'));
    await scene.begin();
    await scene.untouched(async () =>
      expect(await scene.begin()).toMatchObject({ refusal: { kind: 'operation-in-progress', operation: 'merge' } }),
    );
  });

  it('[SY6] an index that somebody has locked', async () => {
    await scene.usual();
    const lock = join(scene.root, '.git', 'index.lock');
    writeFileSync(lock, '');
    expect(await scene.begin()).toEqual({ begun: false, refusal: { kind: 'locked', path: lock } });
    rmSync(lock);
    expect(scene.status()).toEqual([]);
  });

  it('[SY6] files that run code on open, until they are reviewed', async () => {
    await scene.diverged([{ f: 'f\n' }], [{ g: 'g\n' }], [{ '.vscode/tasks.json': '{}\n' }]);
    const refusal = { kind: 'sensitive-files', paths: ['.vscode/tasks.json'] };
    await scene.untouched(async () => expect(await scene.begin()).toEqual({ begun: false, refusal }));
    expect(await scene.begin({ reviewed: true })).toEqual({ begun: true, files: [] });
  });

  it('histories that have nothing in common', async () => {
    await scene.usual();
    scene.theirs = git(scene.root, 'commit-tree', '-m', 'alone', `${scene.theirs}^{tree}`) as Oid;
    await scene.untouched(async () => expect(await scene.begin()).toMatchObject({ refusal: { kind: 'failed' } }));
  });
});
