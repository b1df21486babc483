import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lines } from '../../support/diverged.ts';
import { fsck, revParse, writeFiles } from '../../support/git.ts';
import { MarkerScene, reasonOf } from './marker-scene.ts';

let scene: MarkerScene;

beforeEach(() => {
  scene = new MarkerScene();
});
afterEach(() => scene.remove());

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a full disk', () => {
  const mounted = (): void => {
    mkdirSync(scene.root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', scene.root]);
  };
  /** Runs something with so many bytes free. */
  const full = async (free: number, run: () => Promise<void>): Promise<void> => {
    const filler = join(scene.root, '.git', 'filler');
    const left = Number(execFileSync('stat', ['-f', '-c', '%a', scene.root]).toString()) * 4_096;
    writeFileSync(filler, randomBytes(left - free));
    await run();
    rmSync(filler);
  };
  afterEach(() => void execFileSync('umount', ['--lazy', scene.root]));

  it('refuses to complete, and the merge is as it was', async () => {
    mounted();
    await scene.usual();
    await scene.begin();
    writeFiles(scene.root, { f: 'settled\n' });
    await full(0, async () => expect((await reasonOf(scene.complete()))[0]).toBe('disk-full'));
    expect([revParse(scene.root, 'HEAD'), scene.read('.git/MERGE_HEAD').trim(), scene.read('f')]).toEqual([
      scene.ours,
      scene.theirs,
      'settled\n',
    ]);
    await scene.complete();
    fsck(scene.root);
  });

  it('lets none begin, and the files are as they were', async () => {
    mounted();
    await scene.usual();
    writeFiles(scene.root, { keep: 'changed\n' });
    await full(0, async () => expect(await reasonOf(scene.begin())).toEqual(['disk-full', expect.anything()]));
    expect([scene.read('f'), scene.read('clean'), scene.read('keep')]).toEqual([
      lines(9, { 5: 'mine' }),
      lines(9, { 9: 'mine' }),
      'changed\n',
    ]);
    expect([scene.status(), scene.labels(), existsSync(join(scene.root, '.git/MERGE_HEAD'))]).toEqual([
      ['M keep'],
      '',
      false,
    ]);
    expect(await scene.begin()).toMatchObject({ begun: true });
  });

  it('that fills while files are written takes nothing of what was not committed', async () => {
    mounted();
    const big = randomBytes(700_000);
    await scene.diverged(
      [{ f: lines(9), keep: 'keep\n' }],
      [{ f: lines(9, { 5: 'mine' }) }],
      [{ big, f: lines(9, { 5: 'theirs' }) }],
    );
    writeFiles(scene.root, { keep: 'changed\n' });
    await full(300_000, async () => expect(await reasonOf(scene.begin())).toEqual(['disk-full', expect.anything()]));
    expect([scene.read('f'), scene.read('keep'), existsSync(join(scene.root, 'big'))]).toEqual([
      lines(9, { 5: 'mine' }),
      'changed\n',
      false,
    ]);
    expect([scene.status(), scene.labels(), existsSync(join(scene.root, '.git/MERGE_HEAD'))]).toEqual([
      ['M keep'],
      '',
      false,
    ]);
    expect(await scene.begin()).toMatchObject({ begun: true, files: ['f'] });
  });
});
