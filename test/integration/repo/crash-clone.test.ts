import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CloneRequest, Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { commit, fsck, git, initRepository, sharedRefs } from '../../support/git.ts';
import { cloneRequest, provider } from '../../support/two-repositories.ts';
import { canTrace, CrashStage, sample, type GitPoint, type Scene } from './crash-scene.ts';
import type { CrashOrder } from './crashing-engine.ts';

/** [SE10] An engine is killed at point after point of a clone; the next attempt starts over, or goes on once the tip was usable. */

const stage = new CrashStage();
const source = join(stage.temp.path, 'source');
let alice: Repository;

beforeAll(async () => {
  await stage.prepare();
  initRepository(source);
  const many = Object.fromEntries(Array.from({ length: 110 }, (_, index) => [`n/${index}`, `${index}\n`.repeat(50)]));
  for (const version of ['one', 'two', 'three']) commit(source, { ...many, 'a.txt': `${version}\n`.repeat(3000) });
  alice = await provider.open(source);
});

afterAll(() => {
  alice.dispose();
  stage.temp.remove();
});

const order = (): Omit<CrashOrder, 'root'> => ({ clone: { from: source, refs: [...sharedRefs(source)] } });

const request = (directory: string): CloneRequest => cloneRequest(alice, source, directory);

const marker = (root: string): string => join(root, '.git', 'peerweave', 'clone.json');

/** Whatever the crash left, a full clone comes of it, by starting over or by going on. */
async function cloneAfter({ root }: Scene): Promise<'over' | 'on'> {
  const startOver = await provider.isVacant(root);
  (await (startOver ? provider.clone(request(root)) : provider.completeClone(request(root)))).dispose();
  expect(sharedRefs(root)).toEqual(sharedRefs(source));
  expect(git(root, 'status', '--porcelain', '--ignored')).toBe('');
  expect(existsSync(marker(root))).toBe(false);
  expect(git(root, 'count-objects', '-v')).toMatch(/^packs: 1$[^]*^garbage: 0$/m);
  fsck(root);
  return startOver ? 'over' : 'on';
}

it('starts over or goes on after an engine died at any call of its own', async () => {
  const report = await stage.scene().run(order());
  expect(report?.result).toBe('cloned');
  const ways = new Set<string>();
  await stage.play(sample(report?.calls ?? 0, 16), async (scene, dieBefore) => {
    expect(await scene.run({ ...order(), dieBefore })).toBeUndefined();
    ways.add(await cloneAfter(scene));
  });
  expect(ways).toEqual(new Set(['over', 'on']));
});

const inGit: readonly GitPoint[] = [
  ['machine', 'init', 'mkdir', 3],
  ['machine', 'index-pack', 'link', 1],
  ['machine', 'read-tree', 'write', 3],
  ['machine', 'read-tree', 'write', 60],
  ['machine', 'read-tree', 'rename', 1],
];

it.runIf(canTrace)('starts over after git was killed in the middle', async () => {
  await stage.play(inGit, async (scene, point) => {
    await scene.run({ ...order(), git: scene.fragileGit(point) });
    expect(scene.killed).toBe(true);
    expect(await cloneAfter(scene)).toBe('over');
  });
});

it.runIf(canTrace)('leaves a folder alone in which somebody has put something since', async () => {
  const point: GitPoint = ['machine', 'read-tree', 'write', 60];
  const files = { 'mine.txt': 'm\n', 'n/mine.txt': 'm\n', 'n/1': 'mine\n' };
  await stage.play(Object.entries(files), async (scene, [path, content]) => {
    await scene.run({ ...order(), git: scene.fragileGit(point) });
    mkdirSync(join(scene.root, 'n'), { recursive: true });
    writeFileSync(join(scene.root, path), content);
    expect(await provider.isVacant(scene.root)).toBe(false);
    await expect(provider.clone(request(scene.root))).rejects.toMatchObject({ reason: 'folder-not-empty' });
    expect(readFileSync(join(scene.root, path), 'utf8')).toBe(content);
  });
});
