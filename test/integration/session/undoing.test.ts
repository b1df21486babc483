import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { lines } from '../../support/diverged.ts';
import { Crossroads, type Wayfarer } from '../../support/crossroads.ts';
import { commit, fsck, git, revParse, writeFiles } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';
import { branch, provider } from '../../support/two-repositories.ts';

/** [SY13] An undo is one person's: it stays undone there until that person asks, whatever the others do, and takes nothing from them. */

const crossroads = new Crossroads();

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

/** Two people at one commit of `f`, Ann and Ben; with `files` each makes a commit of their own first. */
async function two(
  strategy: Strategy = 'manual',
  [anns, bens]: readonly Record<string, string>[] = [],
): Promise<[Wayfarer, Wayfarer]> {
  const people = await crossroads.diverged({ files: anns, strategy }, { files: bens, strategy });
  return people as [Wayfarer, Wayfarer];
}

const arrived = (person: Wayfarer, tip: Oid, name = 'main'): Promise<void> =>
  expect
    .poll(() => git(person.root, 'branch', '--list', name, '--format=%(objectname)'), { timeout: 10_000 })
    .toBe(tip);

const standing = (person: Wayfarer, name = 'main') => person.branch(name)?.peers[0]?.standing;

/** Both look again, twice each, so that whatever would follow has followed. */
async function settle(...both: Wayfarer[]): Promise<void> {
  for (const person of [...both, ...both]) await person.sync();
}

it('[SY13] an undo for whose files there is no space is refused as such, and is had once there is', async () => {
  const [ann, ben] = await two();
  const big = 'x'.repeat(200_000);
  await arrived(ann, commit(ben.root, { 'd/big': big }));
  const before = ann.tip;
  git(ben.root, 'rm', '--quiet', 'd/big');
  const after = commit(ben.root, { g: 'g\n' });
  await arrived(ann, after);
  const mount = join(ann.root, 'd');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]);
  try {
    await expect(ann.history.undo(undefined)).rejects.toMatchObject({
      reason: 'disk-full',
      message: expect.stringMatching(/^main was not put back: The disk is full\. Free some space/) as string,
    });
    expect([ann.tip, ann.status]).toEqual([after, '']);
  } finally {
    execFileSync('umount', ['--lazy', mount]);
  }
  await ann.history.undo(undefined);
  expect([ann.tip, ann.read('d/big')]).toEqual([before, big]);
});

describe('[SY13] what was undone stays undone', () => {
  it('a fast-forward, also when they go on; they keep theirs and see that it was taken back', async () => {
    const [ann, ben] = await two();
    const before = ann.tip;
    const first = commit(ben.root, { g: 'g\n' });
    await arrived(ann, first);
    const undone = await ann.history.undo(undefined);
    expect(undone).toMatchObject({
      kind: 'fast-forward',
      from: before,
      to: first,
      by: 'B',
      undone: true,
      undoable: false,
    });
    expect(ann.told).toEqual([{ ref: 'refs/heads/main', from: first, to: before }]);
    await settle(ann, ben);
    expect([ann.tip, ann.status, ben.tip]).toEqual([before, '', first]);
    expect([standing(ann), standing(ben)]).toEqual(['rewound-here', 'rewound-there']);
    const second = commit(ben.root, { h: 'h\n' });
    await expect.poll(() => ann.main?.peers[0]?.remote, { timeout: 10_000 }).toBe(second);
    await settle(ann, ben);
    expect([ann.tip, standing(ann)]).toEqual([before, 'rewound-here']);

    // Until Ann takes the undo back: then she follows again.
    const [undo] = await ann.history.entries(10);
    expect(undo).toMatchObject({ kind: 'undo', undoes: undone.id, undoable: true });
    await ann.history.undo(undo!.id);
    await arrived(ann, second);
    await settle(ann, ben);
    expect([ann.read('h'), ann.status, standing(ann), standing(ben)]).toEqual(['h\n', '', 'equal', 'equal']);
  });

  it('through a restart', async () => {
    const [ann, ben] = await two();
    const before = ann.tip;
    const theirs = commit(ben.root, { g: 'g\n' });
    await arrived(ann, theirs);
    await ann.history.undo(undefined);
    await ann.leave();
    const again = await crossroads.back(ann);
    await settle(again, ben);
    expect([again.tip, standing(again)]).toEqual([before, 'rewound-here']);
  });

  it('through a crash in between: the undo happened, and the engine died before it knew', async () => {
    const [ann, ben] = await two();
    const before = ann.tip;
    const theirs = commit(ben.root, { g: 'g\n' });
    await arrived(ann, theirs);
    await settle(ann, ben);
    await ann.leave();
    const repository = await provider.open(ann.root);
    expect(await repository.undo()).toMatchObject({ undone: true });
    repository.dispose();
    const again = await crossroads.back(ann);
    await settle(again, ben);
    expect([again.tip, standing(again)]).toEqual([before, 'rewound-here']);
  });

  it('a branch that was created: it does not come back when they go on', async () => {
    const [ann, ben] = await two();
    git(ben.root, 'branch', 'topic');
    await arrived(ann, ben.tip, 'topic');
    expect(await ann.history.undo(undefined)).toMatchObject({ kind: 'created', branch: 'topic' });
    await settle(ann, ben);
    git(ben.root, 'switch', '--quiet', 'topic');
    const tip = commit(ben.root, { g: 'g\n' });
    await expect.poll(() => ann.branch('topic')?.peers[0]?.remote, { timeout: 10_000 }).toBe(tip);
    await settle(ann, ben);
    expect(git(ann.root, 'branch', '--list', 'topic')).toBe('');
    expect([standing(ann, 'topic'), standing(ben, 'topic')]).toEqual(['deleted-here', 'deleted-there']);
    expect(revParse(ben.root, 'topic')).toBe(tip);
  });

  it('a merge that the strategy made: it is not made again, and the other keeps it', async () => {
    const [ann, ben] = await two('auto-merge', [{ f: lines(9, { 1: 'top' }) }, { f: lines(9, { 9: 'bottom' }) }]);
    await expect.poll(() => ann.tip === ben.tip, { timeout: 20_000 }).toBe(true);
    await settle(ann, ben);
    const merge = ann.tip;
    const undone = await ann.history.undo(undefined);
    expect(undone.to).toBe(merge);
    await settle(ann, ben);
    expect([ann.tip, ben.tip]).toEqual([undone.from, merge]);
    expect(ann.read('f')).toBe(lines(9, { 1: 'top' }));
    const mine = commit(ann.root, { 'mine.txt': 'mine\n' });
    await expect.poll(() => ben.main?.peers[0]?.remote, { timeout: 10_000 }).toBe(mine);
    await settle(ann, ben);
    expect([ann.tip, ben.tip]).toEqual([mine, merge]);
    expect(ann.status).toBe('');
    fsck(ann.root);
  });

  it('a resolution that a person chose', async () => {
    const [ann, ben] = await two('manual', [{ f: lines(9, { 1: 'top' }) }, { f: lines(9, { 9: 'bottom' }) }]);
    await expect.poll(() => ann.main?.conflict?.length, { timeout: 10_000 }).toBe(2);
    const [mine, theirs] = [ann.tip, ben.tip];
    const to = await ann.settle({ how: 'merge', files: [], message: 'Both' });
    if (to === null) throw new Error('the branch is gone');
    await arrived(ben, to);
    await settle(ann, ben);
    expect(await ann.history.undo(undefined)).toMatchObject({ kind: 'resolve', from: mine, to });
    await settle(ann, ben);
    expect([ann.tip, ann.read('f'), ben.tip]).toEqual([mine, lines(9, { 1: 'top' }), to]);
    expect([standing(ann), standing(ben)]).toEqual(['rewound-here', 'rewound-there']);
    // And the other may take it back as well: then it is a conflict again, as it was.
    await ben.history.undo(undefined);
    await settle(ann, ben);
    expect([ann.tip, ben.tip]).toEqual([mine, theirs]);
    expect(ann.main?.conflict).toHaveLength(2);
  });
});

describe('[SY13] each way to settle a branch is undone, and stays so', () => {
  const [top, otherTop] = [{ f: lines(9, { 1: 'top' }) }, { f: lines(9, { 1: 'another top' }) }];
  const bottom = { f: lines(9, { 9: 'bottom' }) };

  it.each([
    ['theirs', otherTop, 'resolve'],
    ['mine', otherTop, 'resolve'],
    ['rebase', bottom, 'rebase'],
    ['both', otherTop, 'follow'],
  ] as const)('%s', async (how, files, kind) => {
    const [ann, ben] = await two('manual', [top, files]);
    await expect.poll(() => ann.main?.conflict?.length, { timeout: 10_000 }).toBe(2);
    const [mine, theirs] = [ann.tip, ben.tip];
    const settled = await ann.settle(
      how === 'mine'
        ? { how }
        : how === 'rebase'
          ? { how, onto: theirs }
          : how === 'both'
            ? { how, tip: theirs, name: 'mine/too' }
            : { how, tip: theirs },
    );
    await arrived(ben, settled ?? theirs);
    await settle(ann, ben);
    const made = (await ann.history.entries(10)).filter(({ branch }) => branch === 'main');
    expect(made).toMatchObject([{ kind, from: mine, to: settled, undoable: true }]);
    expect(made[0]).not.toHaveProperty('by');
    await ann.history.undo(made[0]!.id);
    await settle(ann, ben);
    expect([ann.tip, ann.read('f'), ann.status, ben.tip]).toEqual([mine, top.f, '', settled]);
    if (how === 'both') {
      // Its other half is a move of its own.
      expect(await ann.history.undo(undefined)).toMatchObject({ kind: 'created', branch: 'mine/too' });
      await settle(ann, ben);
      expect(git(ann.root, 'branch', '--list', 'mine/too')).toBe('');
    }
    fsck(ann.root);
  });

  it('a branch that was deleted as by others comes back', async () => {
    const [ann, ben] = await two();
    git(ben.root, 'branch', 'topic');
    await arrived(ann, ben.tip, 'topic');
    git(ben.root, 'branch', '--quiet', '-D', 'topic');
    await expect.poll(() => standing(ann, 'topic'), { timeout: 10_000 }).toBe('deleted-there');
    const tip = revParse(ann.root, 'topic');
    await ann.desk.settle(branch('topic'), [tip], { how: 'follow', tip: null }, false);
    await settle(ann, ben);
    expect(git(ann.root, 'branch', '--list', 'topic')).toBe('');
    expect(await ann.history.undo(undefined)).toMatchObject({ kind: 'follow', from: tip, to: null });
    await settle(ann, ben);
    expect(revParse(ann.root, 'topic')).toBe(tip);
  });

  it('what was kept and made a branch goes again, and stays kept', async () => {
    const [ann] = await two();
    await ann.repository.keepTips(branch('main'), [ann.tip]);
    await ann.desk.restore(ann.tip, branch('again'));
    expect(await ann.history.undo(undefined)).toMatchObject({ kind: 'kept', branch: 'again' });
    expect(git(ann.root, 'branch', '--list', 'again')).toBe('');
    expect(await ann.repository.keptTips()).toMatchObject([{ branch: 'main', tip: ann.tip }]);
  });
});

it('[SY13] an undo that cannot be is refused with what to do, and the sync goes on', async () => {
  const [ann, ben] = await two();
  expect(await rejectionReason(ann.history.undo(undefined))).toBe('undo-refused');
  const theirs = commit(ben.root, { f: lines(9, { 1: 'theirs' }) });
  await arrived(ann, theirs);
  writeFiles(ann.root, { f: 'mine, not committed\n' });
  await expect(ann.history.undo(undefined)).rejects.toThrow(
    'main was not put back: your changes to f are in the way; commit or stash them.',
  );
  expect([ann.tip, ann.read('f')]).toEqual([theirs, 'mine, not committed\n']);
  const mine = commit(ann.root, { f: 'mine\n' });
  await expect(ann.history.undo(undefined)).rejects.toThrow('it has gone on since');
  await arrived(ben, mine);
});
