import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { lines } from '../../support/diverged.ts';
import { commit, git, initRepository, revParse, writeFiles } from '../../support/git.ts';
import { branch } from '../../support/two-repositories.ts';
import { canTrace, CrashStage, sample, type GitPoint, type Scene } from './crash-scene.ts';
import type { CrashOrder } from './crashing-engine.ts';

/**
 * [SY11] An engine is killed at point after point of beginning a merge with markers, and the repository opened again: the merge is there as
 * git itself would have left it, or nothing of it is; what was not committed is there in any case.
 */

const stage = new CrashStage();
const template = join(stage.temp.path, 'template');
let ours: Oid;
let theirs: Oid;

beforeAll(async () => {
  await stage.prepare();
  initRepository(template);
  const base = { f: lines(9), 'deep/er/g': lines(9), gone: 'gone\n', 'keep.txt': 'keep\n', 'mine.txt': 'mine\n' };
  commit(template, base);
  git(template, 'switch', '--quiet', '--create', 'theirs');
  rmSync(join(template, 'gone'));
  theirs = commit(template, { f: lines(9, { 5: 'theirs' }), 'deep/er/g': lines(9, { 1: 'theirs' }), 'new/n': 'new\n' });
  git(template, 'switch', '--quiet', 'main');
  ours = commit(template, { f: lines(9, { 5: 'mine' }), 'deep/er/g': lines(9, { 9: 'mine' }) });
  rmSync(join(template, '.git', 'hooks'), { recursive: true });
  writeFiles(template, { 'mine.txt': 'a change of mine\n', 'untracked.txt': 'untracked\n' });
});

afterAll(() => stage.temp.remove());

/** As long as a peer's folder can be (`peer-namespace.ts`): what the journal holds must be readable again. */
const LONGEST = 'b'.repeat(32 + 1 + 43);

const order = (): Omit<CrashOrder, 'root'> => ({
  markers: { branch: branch('main'), ours, theirs, whose: LONGEST, message: 'Merge' },
});

const onScenes = <T>(points: readonly T[], act: (scene: Scene, point: T) => Promise<void>): Promise<void> =>
  stage.play(points, (scene, point) => {
    cpSync(template, scene.root, { recursive: true });
    return act(scene, point);
  });

/** A merge in progress, or nothing of one. Returns which. */
function expectWhole({ root }: Scene): 'begun' | 'nothing' {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  expect(revParse(root, 'main')).toBe(ours);
  expect([read('mine.txt'), read('untracked.txt')]).toEqual(['a change of mine\n', 'untracked\n']);
  const status = git(root, 'status', '--porcelain', '--untracked-files=all').split('\n');
  if (existsSync(join(root, '.git', 'MERGE_HEAD'))) {
    expect(status).toEqual(['M  deep/er/g', 'UU f', 'D  gone', ' M mine.txt', 'A  new/n', '?? untracked.txt']);
    expect(read('f')).toContain(`>>>>>>> peerweave/merging/${LONGEST}-${theirs.slice(0, 7)}`);
    expect(git(root, 'rev-parse', '--verify', 'AUTO_MERGE^{tree}')).toMatch(/^[0-9a-f]{40}$/);
    git(root, 'merge', '--abort');
    expect(read('f')).toBe(lines(9, { 5: 'mine' }));
    return 'begun';
  }
  expect(status).toEqual(['M mine.txt', '?? untracked.txt']);
  expect([read('f'), read('deep/er/g')]).toEqual([lines(9, { 5: 'mine' }), lines(9, { 9: 'mine' })]);
  expect(existsSync(join(root, '.git', 'MERGE_MSG'))).toBe(false);
  return 'nothing';
}

describe('[SY11] beginning a merge with markers, cut short', () => {
  it('is whole after its engine died at any call of its own', async () => {
    const whole = stage.scene();
    cpSync(template, whole.root, { recursive: true });
    const report = await whole.run(order());
    expect(report?.result).toEqual({ begun: true, files: ['f'] });
    expect(expectWhole(whole)).toBe('begun');
    const ends = new Set<string>();
    await onScenes(sample(report?.calls ?? 0, 24), async (scene, dieBefore) => {
      expect(await scene.run({ ...order(), dieBefore })).toBeUndefined();
      await scene.recover();
      ends.add(expectWhole(scene));
    });
    expect(ends).toEqual(new Set(['nothing', 'begun']));
  });

  const inGit: readonly GitPoint[] = [
    ...[1, 2, 3].map((nth) => ['machine', 'read-tree', 'unlink', nth] as const),
    ...[1, 3, 4, 5].map((nth) => ['machine', 'read-tree', 'write', nth] as const),
    ['machine', 'read-tree', 'rename', 1],
    ['machine', 'update-index', 'rename', 1],
    ['machine', 'merge-tree', 'write', 2],
    ['git', 'read-tree', 'unlink', 2],
    ['git', 'read-tree', 'write', 4],
    ['git', 'update-index', 'rename', 1],
  ];

  it.runIf(canTrace)('is whole after git was killed in the middle, with the engine or alone', async () => {
    await onScenes(inGit, async (scene, point) => {
      const begun = scene.run({ ...order(), git: scene.fragileGit(point) });
      // Alone: the engine has mended it before it says what went wrong.
      await begun.catch(() => undefined);
      expect(scene.killed).toBe(true);
      if (point[0] === 'git') expect(expectWhole(scene)).toBe('nothing');
      await scene.recover();
      expect(expectWhole(scene)).toBe('nothing');
    });
  });
});
