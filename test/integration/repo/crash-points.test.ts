import { cpSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepBeside } from '../../../extension/src/p2p/home.ts';
import type { LoggedMove } from '../../../extension/src/p2p/repo/activity.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commit, git, initRepository, revParse, sharedRefs, writeFiles } from '../../support/git.ts';
import { branch, provider } from '../../support/two-repositories.ts';
import { census, crash, type CrashPoint } from './crash-points.ts';
import { canTrace, CrashStage, sample, type Scene } from './crash-scene.ts';
import type { CrashOrder } from './crashing-engine.ts';

/**
 * [SY11] [SY13] Every rename, unlink, link and fsync of a sync, a fast-forward, a merge and an undo, of the engine itself and of each of its
 * git processes, is a point where everything ends at once (strace). Some points of each are tried; `PEERWEAVE_CRASH_POINTS=all` tries
 * all of them, in some minutes.
 */

const ALL = process.env.PEERWEAVE_CRASH_POINTS === 'all';
/** So many points of the engine and of git are tried of each story otherwise. */
const SOME = 5;

const stage = new CrashStage();
const { temp } = stage;
const alice = join(temp.path, 'alice');
const template = (name: string): string => join(temp.path, `template-${name}`);

const files = (version: string): Record<string, string> => ({
  'a.txt': `a of ${version}\n`,
  'deep/er/b.txt': `b of ${version}\n`,
  [`only-${version}.txt`]: `only in ${version}\n`,
});

let first: Oid;
let theirs: Oid;

beforeAll(async () => {
  await stage.prepare();
  const plain = initRepository(template('sync'));
  first = commit(plain, { ...files('one'), 'keep.txt': 'keep\n', 'mine.txt': 'mine\n' });
  git(temp.path, 'clone', '--quiet', plain, alice);
  rmSync(join(alice, 'only-one.txt'));
  theirs = commit(alice, files('two'));
  rmSync(join(plain, '.git', 'hooks'), { recursive: true });
  cpSync(plain, template('merge'), { recursive: true });
  commit(template('merge'), { 'bob.txt': 'from Bob\n' });
  cpSync(plain, template('move'), { recursive: true });
  git(template('move'), 'fetch', '--quiet', alice, 'main');
  rmSync(join(template('move'), '.git', 'FETCH_HEAD'));
  cpSync(template('move'), template('undo'), { recursive: true });
  for (const name of ['sync', 'merge', 'move', 'undo'])
    writeFiles(template(name), { 'mine.txt': 'a change of mine\n', 'untracked.txt': 'untracked\n' });
  const repository = await provider.open(template('undo'));
  const move = { branch: branch('main'), from: first, to: theirs, message: 'fast-forward from alice' };
  expect(await repository.moveBranch(move)).toEqual({ moved: true });
  repository.dispose();
});

afterAll(() => temp.remove());

async function activityOf(root: string): Promise<LoggedMove[]> {
  const repository = await provider.open(root);
  const entries = await repository.activity();
  repository.dispose();
  return entries;
}

/**
 * What git may leave when it is killed: locks that it took an instant before and had not told us of, so that nobody can know whose they
 * are; and those in our own namespaces, which are swept when they are old.
 */
function mayStay({ victim, command, call }: CrashPoint, lock: string): boolean {
  if (victim !== 'git' || command !== 'update-ref') return false;
  return (
    /^refs\/(?:remotes\/peers|peerweave)\//.test(lock) ||
    (call === 'fsync' && /^(?:HEAD|refs\/heads\/main)\.lock$/.test(lock))
  );
}

/** The user's own files, and index and files with the branch, whichever it is. */
function expectWhole({ root }: Scene): void {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  expect(git(root, 'status', '--porcelain').split('\n')).toEqual(['M mine.txt', '?? untracked.txt']);
  expect([read('mine.txt'), read('untracked.txt')]).toEqual(['a change of mine\n', 'untracked\n']);
}

/** What is in our folder and should not be, a while later and once a session has saved itself again. */
async function leftovers({ root }: Scene): Promise<string[]> {
  const folder = join(root, '.git', 'peerweave');
  for (const name of readdirSync(folder)) if (name.endsWith('.new')) utimesSync(join(folder, name), 1, 1);
  await sweepBeside(join(folder, 'session.json'));
  return readdirSync(folder).filter((name) => !/^(?:activity|journal|staging|session\.json)$/.test(name));
}

interface Story {
  readonly name: string;
  readonly template: string;
  readonly order: () => Omit<CrashOrder, 'root'>;
}

const STORIES: readonly Story[] = [
  {
    name: 'a sync that receives and moves a branch',
    template: 'sync',
    order: () => ({ sync: { from: alice, refs: [...sharedRefs(alice)], strategy: 'manual' } }),
  },
  {
    name: 'a fast-forward with its worktree',
    template: 'move',
    order: () => ({ move: { branch: branch('main'), from: first, to: theirs, message: 'fast-forward', by: 'Alice' } }),
  },
  {
    name: 'a merge that settles what diverged, with all that comes before and after',
    template: 'merge',
    order: () => ({ sync: { from: alice, refs: [...sharedRefs(alice)], strategy: 'auto-merge' } }),
  },
  { name: 'an undo', template: 'undo', order: () => ({ undo: true }) },
];

function chosen(points: readonly CrashPoint[]): CrashPoint[] {
  if (ALL) return [...points];
  return (['engine', 'git'] as const).flatMap((victim) => {
    const own = points.filter((point) => point.victim === victim);
    return own.length <= SOME ? own : sample(own.length, SOME).flatMap((index) => own.slice(index - 1, index));
  });
}

describe.runIf(canTrace)('[SY11] [SY13] whatever call everything ends at', () => {
  it.each(STORIES)(
    '$name is whole or has not been, and can go on',
    { timeout: ALL ? 900_000 : 120_000 },
    async (story) => {
      const order = story.order();
      const fill = (scene: Scene): void => cpSync(template(story.template), scene.root, { recursive: true });
      const [before, entries] = [
        revParse(template(story.template), 'main'),
        await activityOf(template(story.template)),
      ];
      const whole = stage.scene();
      fill(whole);
      const points = await census(whole, order);
      const after = revParse(whole.root, 'main');
      expect(after).not.toBe(before);
      await whole.recover();
      expectWhole(whole);
      expect(points.length).toBeGreaterThan(10);

      const seen = new Set<Oid>();
      const picked = chosen(points);
      await stage.play(picked, async (scene, point) => {
        fill(scene);
        await crash(scene, order, point);
        const locks = await scene.reopen();
        expect(locks.filter((lock) => !mayStay(point, lock))).toEqual([]);
        expectWhole(scene);
        const tip = revParse(scene.root, 'main');
        seen.add(tip);
        expect([before, after]).toContain(tip);
        const noted = await activityOf(scene.root);
        expect(noted.length - entries.length).toBe(tip === after ? 1 : 0);
        if (tip === after) expect(noted[0]).toMatchObject({ branch: 'main', from: before, to: after });
        expect(await leftovers(scene)).toEqual([]);

        // And it goes on from there.
        for (const lock of locks) rmSync(join(scene.root, '.git', lock), { force: true });
        if (tip === before) await scene.run(order);
        expect(revParse(scene.root, 'main')).toBe(after);
        expectWhole(scene);
        expect(await activityOf(scene.root)).toHaveLength(entries.length + 1);
      });
      if (ALL) expect(seen).toEqual(new Set([before, after]));
      process.stderr.write(`${story.name}: ${picked.length} of ${points.length} crash points\n`);
    },
  );
});
