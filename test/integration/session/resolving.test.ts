import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { BranchName, Oid } from '../../../extension/src/shared/ids.ts';
import { bottom, Crossroads, decided, otherTop, top, type Wayfarer } from '../../support/crossroads.ts';
import { lines } from '../../support/diverged.ts';
import { fsck, git, revParse } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';

/** What is known of a conflict, and every way to settle it. */

const crossroads = new Crossroads();

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

const MAIN = 'main' as BranchName;

/** Each has the branch, and knows that the other has it. */
async function agreeOn(branch: BranchName, ...people: readonly Wayfarer[]): Promise<void> {
  const standings = (): unknown[] =>
    people.map(({ core }) => core.branches().find((one) => one.branch === branch)?.peers[0]?.standing);
  await expect.poll(standings).toEqual(people.map(() => 'equal'));
  for (const { driver } of people) await driver.idle();
}

describe('[CO1] a conflict in full', () => {
  it('names sides, owners, commits, files and what merging would come to', async () => {
    const { a, mine, theirs } = await crossroads.two({ ...top, m: 'm\n' }, { ...otherTop, t: 't\n' });
    const base = revParse(a.root, 'main~');
    expect(await a.desk.detail(MAIN)).toEqual({
      kind: 'diverged',
      branch: 'main',
      bases: [base],
      sides: [
        {
          tip: mine,
          owners: [],
          mine: true,
          commits: [{ oid: mine, author: 'Ada', time: 1_700_000_000, subject: 'side 0' }],
          moreCommits: false,
          changedFiles: 2,
          changes: [
            { path: 'f', change: 'modified' },
            { path: 'm', change: 'added' },
          ],
        },
        {
          tip: theirs,
          owners: ['B'],
          mine: false,
          commits: [{ oid: theirs, author: 'Ada', time: 1_700_000_000, subject: 'side 1' }],
          moreCommits: false,
          changedFiles: 2,
          changes: [
            { path: 'f', change: 'modified' },
            { path: 't', change: 'added' },
          ],
        },
      ],
      outcome: 'conflicts',
      files: [{ path: 'f', kinds: ['content'], theirs, related: [] }],
      moreFiles: false,
      resolving: [],
    });
    expect(await a.desk.file(MAIN, 'f', theirs)).toMatchObject({
      base: { text: lines(9) },
      mine: { text: top.f },
      theirs: { text: otherTop.f },
    });
    expect(await a.desk.fileAt(theirs, 't')).toMatchObject({ text: 't\n' });
    expect(await rejectionReason(a.desk.detail('none' as BranchName))).toBe('conflict-moved');
    expect(await rejectionReason(a.desk.file(MAIN, 'f', mine.replace(/./g, 'f') as Oid))).toBe('conflict-moved');
  });

  it('tells of files that merge by themselves too', async () => {
    const { a } = await crossroads.two(top, bottom);
    expect(await a.desk.detail(MAIN)).toMatchObject({ outcome: 'clean', files: [{ path: 'f', kinds: [] }] });
  });

  it('of three people names for each file all sides whose changes of it a person has to see', async () => {
    const [a, b, c] = await crossroads.diverged(
      { files: top },
      { files: otherTop },
      { files: { ...bottom, c: 'c\n' } },
    );
    await expect.poll(() => a?.tips.length).toBe(3);
    const { files } = await a!.desk.detail(MAIN);
    // The third's line merges by itself, and a text that is decided between the other two would be without it.
    expect(files.filter(({ kinds }) => kinds.length > 0)).toEqual([
      { path: 'f', kinds: ['content'], theirs: b!.tip, related: [], sides: a!.tips.filter((tip) => tip !== a!.tip) },
    ]);
    expect(a!.tips).toContain(c!.tip);
  });

  it('of a branch that a peer rewound or deleted tells what both sides have', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, bottom);
    await a.settle({ how: 'merge', files: [], message: '' });
    await b.comesTo(a.tip);
    const merged = a.tip;
    git(b.root, 'branch', 'extra', mine);
    await expect.poll(() => git(a.root, 'branch', '--list', 'extra')).toContain('extra');
    await agreeOn('extra' as BranchName, a, b);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips).toEqual([merged, theirs]);
    const rewound = await a.desk.detail(MAIN);
    expect(rewound).toMatchObject({ kind: 'rewound-there', sides: [{ mine: true }, { owners: ['B'], commits: [] }] });
    expect(rewound.sides[0]?.commits.map(({ oid }) => oid).sort()).toEqual([merged, mine].sort());
    git(b.root, 'branch', '-D', 'extra');
    await expect
      .poll(() => a.desk.detail('extra' as BranchName).catch(() => undefined))
      .toMatchObject({
        kind: 'deleted-there',
        sides: [{ tip: mine, mine: true, commits: [] }],
        outcome: 'clean',
      });
  });
});

describe('[CO5] resolutions', () => {
  it('merge: everybody comes to the commit that the person made, and the conflict is over', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, otherTop);
    const settled = await a.settle(decided);
    expect(a.tip).toBe(settled);
    expect([a.read('f'), a.status, a.parents]).toEqual(['both\n', '', `${mine} ${theirs}`]);
    await b.comesTo(settled);
    await expect.poll(() => [a.tips, b.tips]).toEqual([[], []]);
    expect([b.read('f'), b.status]).toEqual(['both\n', '']);
    fsck(a.root);
    fsck(b.root);
  });

  it('[CO4] theirs: their files, our commits, and our tip kept', async () => {
    const { a, b, mine, theirs } = await crossroads.two({ ...top, m: 'm\n' }, otherTop);
    const settled = await a.settle({ how: 'theirs', tip: theirs });
    expect([a.read('f'), existsSync(join(a.root, 'm')), a.status]).toEqual([otherTop.f, false, '']);
    expect([a.parents, a.kept]).toEqual([`${mine} ${theirs}`, [`main/${mine}`]]);
    await b.comesTo(settled);
    expect((await a.desk.kept()).map(({ tip }) => tip)).toEqual([mine]);
    await a.desk.restore(mine, 'mine-again' as BranchName);
    expect(revParse(a.root, 'mine-again')).toBe(mine);
    expect(await rejectionReason(a.desk.restore(mine, 'mine-again' as BranchName))).toBe('move-refused');
    expect(await rejectionReason(a.desk.restore(theirs, 'x' as BranchName))).toBe('bad-request');
  });

  it('[CO4] mine: our files, their commits, and their tip kept', async () => {
    const { a, b, theirs } = await crossroads.two(top, otherTop);
    const settled = await a.settle({ how: 'mine' });
    expect([a.read('f'), a.status, a.kept]).toEqual([top.f, '', [`main/${theirs}`]]);
    await b.comesTo(settled);
    expect(b.read('f')).toBe(top.f);
  });

  it('rebase: our commits on top of theirs, no merge, our old tip kept; nobody brings it back', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, bottom);
    const settled = await a.settle({ how: 'rebase', onto: theirs });
    expect([a.tip, a.parents, a.read('f'), a.status]).toEqual([
      settled,
      theirs,
      lines(9, { 1: 'top', 9: 'bottom' }),
      '',
    ]);
    expect(a.kept).toEqual([`main/${mine}`]);
    await b.comesTo(settled);
    await a.driver.idle();
    expect([a.tip, a.tips, b.tips]).toEqual([settled, [], []]);
    expect(git(a.root, 'reflog', 'main')).toMatch(/peerweave: rebased onto/);
  });

  it('both: ours under a name of its own, and the branch follows them', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, otherTop);
    expect(await a.settle({ how: 'both', name: 'ours/top', tip: theirs })).toBe(theirs);
    expect([a.tip, revParse(a.root, 'ours/top'), a.read('f'), a.status]).toEqual([theirs, mine, otherTop.f, '']);
    await expect.poll(() => git(b.root, 'branch', '--list', 'ours/top')).toContain('ours/top');
    await expect.poll(() => [a.tips, b.tips]).toEqual([[], []]);
    expect(b.tip).toBe(theirs);
  });

  it('[SY7] follow: back with a peer that went back, and away with one that deleted; ours is kept', async () => {
    const { a, b, theirs } = await crossroads.two(top, bottom);
    await a.settle({ how: 'merge', files: [], message: '' });
    const merged = a.tip;
    await b.comesTo(merged);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips).toEqual([merged, theirs]);
    expect(await a.settle({ how: 'follow', tip: theirs })).toBe(theirs);
    expect([a.tip, a.read('f'), a.kept, a.status]).toEqual([theirs, bottom.f, [`main/${merged}`], '']);

    git(a.root, 'branch', 'extra', merged);
    await expect.poll(() => git(b.root, 'branch', '--list', 'extra')).toContain('extra');
    const extra = 'extra' as BranchName;
    await agreeOn(extra, a, b);
    git(b.root, 'branch', '-D', 'extra');
    await expect.poll(() => a.desk.detail(extra).catch(() => undefined)).toMatchObject({ kind: 'deleted-there' });
    expect(await a.desk.settle(extra, [merged], { how: 'follow', tip: null }, false)).toBeNull();
    expect(git(a.root, 'branch', '--list', 'extra')).toBe('');
    expect(a.kept).toContain(`extra/${merged}`);
    await a.driver.idle();
    expect(await rejectionReason(a.desk.detail(extra))).toBe('conflict-moved');
  });

  it('of three people: one merge of all, and a rebase that a third can follow in one step', async () => {
    const people = await crossroads.diverged({ files: top }, { files: otherTop }, { files: { g: 'g\n' } });
    const [a, b, c] = people as [Wayfarer, Wayfarer, Wayfarer];
    await expect.poll(() => people.map(({ tips }) => tips.length)).toEqual([3, 3, 3]);
    const tips = a.tips;
    const settled = await a.settle(decided);
    expect(a.parents).toBe(tips.join(' '));
    await expect.poll(() => [b.tip, c.tip]).toEqual([settled, settled]);
    expect([b.read('f'), c.read('g')]).toEqual(['both\n', 'g\n']);
  });

  it('[SY7] a rebase is one offer for a third who had the old commits, and not merged back with them', async () => {
    const people = await crossroads.diverged({ files: top }, { files: bottom }, { files: { g: 'g\n' } });
    const [a, b, c] = people as [Wayfarer, Wayfarer, Wayfarer];
    await expect.poll(() => people.map(({ tips }) => tips.length)).toEqual([3, 3, 3]);
    // The third comes to be where the first is.
    git(c.root, 'reset', '--quiet', '--hard', a.tip);
    await expect.poll(() => c.main?.peers.some(({ standing }) => standing === 'equal')).toBe(true);
    await expect.poll(() => a.tips.length).toBe(2);
    const old = a.tip;
    const settled = await a.settle({ how: 'rebase', onto: b.tip });
    await b.comesTo(settled);
    await expect.poll(() => c.main?.peers.map(({ standing }) => standing)).toEqual(['rewound-there', 'rewound-there']);
    await c.desk.choose(undefined, 'auto-merge');
    await c.driver.idle();
    expect([a.tip, b.tip, c.tip]).toEqual([settled, settled, old]);
    expect(c.main).toMatchObject({ conflict: undefined });
    expect(await c.settle({ how: 'follow', tip: settled! })).toBe(settled);
    await expect.poll(() => people.map(({ tips }) => tips.length)).toEqual([0, 0, 0]);
  });

  it('two at once that come to the same files settle by themselves, whatever the strategy', async () => {
    const { a, b } = await crossroads.two(top, otherTop);
    const [mine, theirs] = await Promise.all([a.settle(decided), b.settle({ ...decided, message: 'In my words' })]);
    expect(mine).not.toBe(theirs);
    await expect.poll(() => a.tip === b.tip && a.tips.length + b.tips.length).toBe(0);
    expect([a.read('f'), a.status, b.status]).toEqual(['both\n', '', '']);
    expect(new Set(a.parents.split(' '))).toEqual(new Set([mine, theirs]));
  });

  it('two at once that differ are an ordinary conflict', async () => {
    const { a, b } = await crossroads.two(top, otherTop);
    await Promise.all([a.settle({ how: 'mine' }), b.settle({ how: 'mine' })]);
    await expect.poll(() => [a.tips.length, b.tips.length]).toEqual([2, 2]);
    expect([a.read('f'), b.read('f')]).toEqual([top.f, otherTop.f]);
  });
});
