import { cpSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Oid, RefName } from '../../../extension/src/shared/ids.ts';
import { commit, git, initRepository, revParse, sharedRefs, writeFiles } from '../../support/git.ts';
import { branch, connectTo, provider, requestAll } from '../../support/two-repositories.ts';
import { canTrace, CrashStage, sample, type GitPoint, type Scene } from './crash-scene.ts';
import type { CrashOrder } from './crashing-engine.ts';

/**
 * [SY11] An engine is killed at point after point of a move and of a receive, and the repository opened again. The engine's own
 * calls are counted by a run that lives. Inside git, `strace` kills at the n-th system call of a kind: with `machine` the engine
 * goes too, as in a power cut; with `git` it lives, as when the system runs out of memory.
 */

const stage = new CrashStage();
const { temp } = stage;
const template = join(temp.path, 'template');
const alice = join(temp.path, 'alice');
let from: Oid;
let to: Oid;

const files = (version: string): Record<string, string> => ({
  'a.txt': `a of ${version}\n`,
  'deep/er/b.txt': `b of ${version}\n`,
  [`only-${version}.txt`]: `only in ${version}\n`,
});

beforeAll(async () => {
  await stage.prepare();
  initRepository(template);
  from = commit(template, { ...files('one'), 'keep.txt': 'keep\n', 'mine.txt': 'mine\n' });
  git(temp.path, 'clone', '--quiet', 'template', 'alice');
  rmSync(join(alice, 'only-one.txt'));
  to = commit(alice, files('two'));
  // The objects of the move are here already, as after a receive; those of the receive are not.
  git(template, 'fetch', '--quiet', alice, 'main');
  rmSync(join(template, '.git', 'FETCH_HEAD'));
  commit(alice, { 'news.txt': 'news\n' });
  git(alice, 'switch', '--quiet', '--create', 'large');
  commit(alice, Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`n/${index}`, `${index}\n`])));
  rmSync(join(template, '.git', 'hooks'), { recursive: true });
  writeFiles(template, { 'mine.txt': 'a change of mine\n', 'untracked.txt': 'untracked\n' });
});

afterAll(() => temp.remove());

function newScene(): Scene {
  const scene = stage.scene();
  cpSync(template, scene.root, { recursive: true });
  return scene;
}

const onScenes = <T>(points: readonly T[], act: (scene: Scene, point: T) => Promise<void>): Promise<void> =>
  stage.play(points, (scene, point) => {
    cpSync(template, scene.root, { recursive: true });
    return act(scene, point);
  });

/** Ref, index and files of main are all old or all new, and the user's own changes are there. Returns which. */
function expectWhole({ root }: Scene): 'one' | 'two' {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const version = revParse(root, 'main') === from ? 'one' : 'two';
  expect(revParse(root, 'main')).toBe(version === 'one' ? from : to);
  expect(git(root, 'status', '--porcelain').split('\n')).toEqual(['M mine.txt', '?? untracked.txt']);
  for (const [path, content] of Object.entries(files(version))) expect(read(path)).toBe(content);
  expect([read('mine.txt'), read('untracked.txt')]).toEqual(['a change of mine\n', 'untracked\n']);
  return version;
}

describe('[SY11] a move that is cut short', () => {
  const order = (): Omit<CrashOrder, 'root'> => ({
    move: { branch: branch('main'), from, to, message: 'fast-forward from alice' },
  });

  it('is whole after its engine died at any call of its own', async () => {
    const whole = newScene();
    const report = await whole.run(order());
    expect(report?.result).toEqual({ moved: true });
    const versions = new Set<string>();
    await onScenes(sample(report?.calls ?? 0, 20), async (scene, dieBefore) => {
      expect(await scene.run({ ...order(), dieBefore })).toBeUndefined();
      await scene.recover();
      versions.add(expectWhole(scene));
    });
    expect(versions).toEqual(new Set(['one', 'two']));
  });

  const inGit: readonly GitPoint[] = [
    ...[1, 2, 3].map((nth) => ['machine', 'read-tree', 'unlink', nth] as const),
    ...[1, 3, 4, 5].map((nth) => ['machine', 'read-tree', 'write', nth] as const),
    ['machine', 'read-tree', 'rename', 1],
    ['machine', 'update-ref', 'fsync', 1],
    ['machine', 'update-ref', 'rename', 1],
    ['machine', 'update-ref', 'unlink', 1],
    ['git', 'read-tree', 'unlink', 2],
    ['git', 'read-tree', 'write', 4],
    ['git', 'update-ref', 'fsync', 1],
    ['git', 'update-ref', 'rename', 1],
    ['git', 'update-ref', 'unlink', 1],
  ];

  it.runIf(canTrace)('is whole after git was killed in the middle, with the engine or alone', async () => {
    await onScenes(inGit, async (scene, point) => {
      const report = await scene.run({ ...order(), git: scene.fragileGit(point) });
      const [victim, , call] = point;
      expect(scene.killed).toBe(true);
      if (victim === 'machine') expect(report).toBeUndefined();
      // Alone: the engine has mended it before it answers.
      else expect((report?.result as { moved: boolean }).moved).toBe(expectWhole(scene) === 'two');
      // Git had its lock and had not told us: nobody can know whose it is.
      await scene.recover(call === 'fsync' ? ['refs/heads/main.lock'] : []);
      expectWhole(scene);
    });
  });
});

describe('[SY11] a move of a branch that is checked out nowhere', () => {
  const order = (): Omit<CrashOrder, 'root'> => ({
    move: { branch: branch('aside'), from: null, to, message: 'created from alice' },
  });
  const points: readonly GitPoint[] = [
    // Git's word that it is ready, the reflog, the ref, git's word that it is done.
    ['git', 'update-ref', 'write', 4],
    ['git', 'update-ref', 'write', 5],
    ['git', 'update-ref', 'rename', 1],
    ['git', 'update-ref', 'write', 6],
  ];

  it.runIf(canTrace)('is told and noted as what it came to, when git was killed alone', async () => {
    const outcomes = new Set<boolean>();
    await onScenes(points, async (scene, point) => {
      const report = await scene.run({ ...order(), git: scene.fragileGit(point) });
      expect(scene.killed).toBe(true);
      const moved = git(scene.root, 'branch', '--list', 'aside') !== '';
      expect(report?.result).toMatchObject({ moved });
      outcomes.add(moved);
      const repository = await provider.open(scene.root);
      expect(await repository.activity()).toHaveLength(moved ? 1 : 0);
      repository.dispose();
      await scene.recover(point[3] === 4 ? ['refs/heads/aside.lock'] : []);
    });
    expect(outcomes).toEqual(new Set([false, true]));
  });
});

describe('[SY11] a receive that is cut short', () => {
  const main = (): readonly (readonly [RefName, Oid])[] =>
    [...sharedRefs(alice)].filter(([name]) => name === 'refs/heads/main');
  const receive = (size: 'small' | 'large'): Omit<CrashOrder, 'root'> => ({
    receive: { from: alice, refs: size === 'small' ? main() : [...sharedRefs(alice)] },
  });

  /** The next attempt brings everything. */
  async function expectReceivable({ root }: Scene): Promise<void> {
    const [ours, theirs] = await Promise.all([provider.open(root), provider.open(alice)]);
    await ours.receive(requestAll(theirs, alice, { connect: connectTo(theirs) }));
    expect(revParse(root, 'refs/remotes/peers/alice/large')).toBe(revParse(alice, 'large'));
    ours.dispose();
    theirs.dispose();
  }

  it.each(['small', 'large'] as const)(
    'a %s one leaves nothing after its engine died at any call of its own',
    async (size) => {
      const whole = newScene();
      const report = await whole.run(receive(size));
      expect(report?.result).toBe(size === 'small' ? 1 : 2);
      await onScenes(sample(report?.calls ?? 0, 8), async (scene, dieBefore) => {
        expect(await scene.run({ ...receive(size), dieBefore })).toBeUndefined();
        await scene.recover();
        expectWhole(scene);
        await expectReceivable(scene);
      });
    },
  );

  const inGit: readonly (readonly [size: 'small' | 'large', point: GitPoint])[] = [
    ['small', ['machine', 'unpack-objects', 'link', 2]],
    ['small', ['machine', 'unpack-objects', 'unlink', 1]],
    ['large', ['machine', 'index-pack', 'write', 2]],
    ['large', ['machine', 'index-pack', 'link', 1]],
    ['large', ['git', 'index-pack', 'link', 1]],
    ['small', ['machine', 'update-ref', 'rename', 1]],
  ];

  it.runIf(canTrace)('leaves nothing after git was killed in the middle, and can be done again', async () => {
    await onScenes(inGit, async (scene, [size, point]) => {
      await scene.run({ ...receive(size), git: scene.fragileGit(point) });
      expect(scene.killed).toBe(true);
      if (point[1] === 'update-ref') {
        const lock = 'refs/remotes/peers/alice/main.lock';
        await scene.recover([lock]);
        utimesSync(join(scene.root, '.git', lock), 1, 1);
      }
      await scene.recover();
      expectWhole(scene);
      await expectReceivable(scene);
    });
  });

  it.runIf(canTrace).each([
    ['small', 'main', /^rename\("[^"]*(\/staging\/[^"]+\/(..)\/[^"/]{38})"/],
    ['large', 'large', /^rename\("[^"]*(\/staging\/[^"]+\/(pack)\/pack-[^"/]+\.(?:pack|idx))"/],
  ] as const)(
    'a %s one is on the disk before it is in the repository, and there before a ref names it',
    async (size, branch, moving) => {
      const scene = newScene();
      const calls = await scene.trace(receive(size), ['fsync', 'fdatasync', 'rename']);
      const at = (matches: (call: string) => boolean): number => {
        const index = calls.findIndex(matches);
        expect(index).not.toBe(-1);
        return index;
      };
      const named = at((call) => call.startsWith('rename') && call.includes(`refs/remotes/peers/alice/${branch}.lock`));
      const moves = calls.flatMap((call) => moving.exec(call) ?? []);
      expect(moves.length).toBeGreaterThan(0);
      for (let move = 0; move < moves.length; move += 3) {
        const [call = '', object = '', folder = ''] = moves.slice(move, move + 3);
        const moved = at((other) => other.startsWith(call));
        expect(at((other) => /^f(?:data)?sync/.test(other) && other.includes(`${object}>`))).toBeLessThan(moved);
        const published = calls.findLastIndex(
          (other) => other.startsWith('fsync') && other.includes(`/objects/${folder}>`),
        );
        expect(published).toBeGreaterThan(moved);
        expect(published).toBeLessThan(named);
      }
    },
  );
});
