import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import type { BranchName, Oid } from '../../../extension/src/shared/ids.ts';
import type { Resolution } from '../../../extension/src/rpc/conflicts.ts';
import { Crossroads, Wayfarer } from '../../support/crossroads.ts';
import { lines } from '../../support/diverged.ts';
import { commit, fsck, git, revParse, writeFiles } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';

const crossroads = new Crossroads();

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

const MAIN = 'main' as BranchName;
const top = { f: lines(9, { 1: 'top' }) };
const otherTop = { f: lines(9, { 1: 'another top' }) };
const bottom = { f: lines(9, { 9: 'bottom' }) };
const PATIENCE = { timeout: 20_000 };

/** Two people whose sides of `main` differ, each knowing the other's. */
async function two(mine: Readonly<Record<string, string>>, theirs: Readonly<Record<string, string>>) {
  const [a, b] = (await crossroads.diverged({ files: mine }, { files: theirs })) as [Wayfarer, Wayfarer];
  await expect.poll(() => [a.tips.length, b.tips.length], PATIENCE).toEqual([2, 2]);
  return { a, b, mine: a.tip, theirs: b.tip };
}

/** The person's `main` gets there, and the engine is done with it: whoever runs git then finds no lock. */
async function comesTo(person: Wayfarer, tip: Oid | null): Promise<void> {
  await expect.poll(() => person.tip, PATIENCE).toBe(tip);
  await person.driver.idle();
}

/** Each has the branch, and knows that the other has it. */
async function agreeOn(branch: BranchName, ...people: readonly Wayfarer[]): Promise<void> {
  const standings = (): unknown[] =>
    people.map(({ core }) => core.branches().find((one) => one.branch === branch)?.peers[0]?.standing);
  await expect.poll(standings, PATIENCE).toEqual(people.map(() => 'equal'));
  for (const { driver } of people) await driver.idle();
}

const kept = (person: Wayfarer): string[] =>
  git(person.root, 'for-each-ref', '--format=%(refname:lstrip=3)', 'refs/peerweave/kept').split('\n').filter(Boolean);
const status = (person: Wayfarer): string => git(person.root, 'status', '--porcelain');
const parents = (person: Wayfarer, commitish = 'main'): string =>
  git(person.root, 'show', '-s', '--format=%P', commitish);
const decided: Resolution = { how: 'merge', files: [{ path: 'f', use: 'text', text: 'both\n' }], message: 'Settled' };

describe('[CO1] a conflict in full', () => {
  it('names sides, owners, commits, files and what merging would come to', async () => {
    const { a, mine, theirs } = await two({ ...top, m: 'm\n' }, { ...otherTop, t: 't\n' });
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
    const { a } = await two(top, bottom);
    expect(await a.desk.detail(MAIN)).toMatchObject({ outcome: 'clean', files: [{ path: 'f', kinds: [] }] });
  });

  it('of three people names for each file all sides whose changes of it a person has to see', async () => {
    const [a, b, c] = await crossroads.diverged(
      { files: top },
      { files: otherTop },
      { files: { ...bottom, c: 'c\n' } },
    );
    await expect.poll(() => a?.tips.length, PATIENCE).toBe(3);
    const { files } = await a!.desk.detail(MAIN);
    // The third's line merges by itself, and a text that is decided between the other two would be without it.
    expect(files.filter(({ kinds }) => kinds.length > 0)).toEqual([
      { path: 'f', kinds: ['content'], theirs: b!.tip, related: [], sides: a!.tips.filter((tip) => tip !== a!.tip) },
    ]);
    expect(a!.tips).toContain(c!.tip);
  });

  it('of a branch that a peer rewound or deleted tells what both sides have', async () => {
    const { a, b, mine, theirs } = await two(top, bottom);
    await a.settle({ how: 'merge', files: [], message: '' });
    await comesTo(b, a.tip);
    const merged = a.tip;
    git(b.root, 'branch', 'extra', mine);
    await expect.poll(() => git(a.root, 'branch', '--list', 'extra'), PATIENCE).toContain('extra');
    await agreeOn('extra' as BranchName, a, b);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips, PATIENCE).toEqual([merged, theirs]);
    const rewound = await a.desk.detail(MAIN);
    expect(rewound).toMatchObject({ kind: 'rewound-there', sides: [{ mine: true }, { owners: ['B'], commits: [] }] });
    expect(rewound.sides[0]?.commits.map(({ oid }) => oid).sort()).toEqual([merged, mine].sort());
    git(b.root, 'branch', '-D', 'extra');
    await expect
      .poll(() => a.desk.detail('extra' as BranchName).catch(() => undefined), PATIENCE)
      .toMatchObject({
        kind: 'deleted-there',
        sides: [{ tip: mine, mine: true, commits: [] }],
        outcome: 'clean',
      });
  });
});

describe('[CO5] resolutions', () => {
  it('merge: everybody comes to the commit that the person made, and the conflict is over', async () => {
    const { a, b, mine, theirs } = await two(top, otherTop);
    const settled = await a.settle(decided);
    expect(a.tip).toBe(settled);
    expect([a.read('f'), status(a), parents(a)]).toEqual(['both\n', '', `${mine} ${theirs}`]);
    await comesTo(b, settled);
    await expect.poll(() => [a.tips, b.tips], PATIENCE).toEqual([[], []]);
    expect([b.read('f'), status(b)]).toEqual(['both\n', '']);
    fsck(a.root);
    fsck(b.root);
  });

  it('[CO4] theirs: their files, our commits, and our tip kept', async () => {
    const { a, b, mine, theirs } = await two({ ...top, m: 'm\n' }, otherTop);
    const settled = await a.settle({ how: 'theirs', tip: theirs });
    expect([a.read('f'), existsSync(join(a.root, 'm')), status(a)]).toEqual([otherTop.f, false, '']);
    expect([parents(a), kept(a)]).toEqual([`${mine} ${theirs}`, [`main/${mine}`]]);
    await comesTo(b, settled);
    expect((await a.desk.kept()).map(({ tip }) => tip)).toEqual([mine]);
    await a.desk.restore(mine, 'mine-again' as BranchName);
    expect(revParse(a.root, 'mine-again')).toBe(mine);
    expect(await rejectionReason(a.desk.restore(mine, 'mine-again' as BranchName))).toBe('move-refused');
    expect(await rejectionReason(a.desk.restore(theirs, 'x' as BranchName))).toBe('bad-request');
  });

  it('[CO4] mine: our files, their commits, and their tip kept', async () => {
    const { a, b, theirs } = await two(top, otherTop);
    const settled = await a.settle({ how: 'mine' });
    expect([a.read('f'), status(a), kept(a)]).toEqual([top.f, '', [`main/${theirs}`]]);
    await comesTo(b, settled);
    expect(b.read('f')).toBe(top.f);
  });

  it('rebase: our commits on top of theirs, no merge, our old tip kept; nobody brings it back', async () => {
    const { a, b, mine, theirs } = await two(top, bottom);
    const settled = await a.settle({ how: 'rebase', onto: theirs });
    expect([a.tip, parents(a), a.read('f'), status(a)]).toEqual([
      settled,
      theirs,
      lines(9, { 1: 'top', 9: 'bottom' }),
      '',
    ]);
    expect(kept(a)).toEqual([`main/${mine}`]);
    await comesTo(b, settled);
    await a.driver.idle();
    expect([a.tip, a.tips, b.tips]).toEqual([settled, [], []]);
    expect(git(a.root, 'reflog', 'main')).toMatch(/peerweave: rebased onto/);
  });

  it('both: ours under a name of its own, and the branch follows them', async () => {
    const { a, b, mine, theirs } = await two(top, otherTop);
    expect(await a.settle({ how: 'both', name: 'ours/top', tip: theirs })).toBe(theirs);
    expect([a.tip, revParse(a.root, 'ours/top'), a.read('f'), status(a)]).toEqual([theirs, mine, otherTop.f, '']);
    await expect.poll(() => git(b.root, 'branch', '--list', 'ours/top'), PATIENCE).toContain('ours/top');
    await expect.poll(() => [a.tips, b.tips], PATIENCE).toEqual([[], []]);
    expect(b.tip).toBe(theirs);
  });

  it('[SY7] follow: back with a peer that went back, and away with one that deleted; ours is kept', async () => {
    const { a, b, theirs } = await two(top, bottom);
    await a.settle({ how: 'merge', files: [], message: '' });
    const merged = a.tip;
    await comesTo(b, merged);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips, PATIENCE).toEqual([merged, theirs]);
    expect(await a.settle({ how: 'follow', tip: theirs })).toBe(theirs);
    expect([a.tip, a.read('f'), kept(a), status(a)]).toEqual([theirs, bottom.f, [`main/${merged}`], '']);

    git(a.root, 'branch', 'extra', merged);
    await expect.poll(() => git(b.root, 'branch', '--list', 'extra'), PATIENCE).toContain('extra');
    const extra = 'extra' as BranchName;
    await agreeOn(extra, a, b);
    git(b.root, 'branch', '-D', 'extra');
    await expect
      .poll(() => a.desk.detail(extra).catch(() => undefined), PATIENCE)
      .toMatchObject({ kind: 'deleted-there' });
    expect(await a.desk.settle(extra, [merged], { how: 'follow', tip: null }, false)).toBeNull();
    expect(git(a.root, 'branch', '--list', 'extra')).toBe('');
    expect(kept(a)).toContain(`extra/${merged}`);
    await a.driver.idle();
    expect(await rejectionReason(a.desk.detail(extra))).toBe('conflict-moved');
  });

  it('of three people: one merge of all, and a rebase that a third can follow in one step', async () => {
    const people = await crossroads.diverged({ files: top }, { files: otherTop }, { files: { g: 'g\n' } });
    const [a, b, c] = people as [Wayfarer, Wayfarer, Wayfarer];
    await expect.poll(() => people.map(({ tips }) => tips.length), PATIENCE).toEqual([3, 3, 3]);
    const tips = a.tips;
    const settled = await a.settle(decided);
    expect(parents(a)).toBe(tips.join(' '));
    await expect.poll(() => [b.tip, c.tip], PATIENCE).toEqual([settled, settled]);
    expect([b.read('f'), c.read('g')]).toEqual(['both\n', 'g\n']);
  });

  it('[SY7] a rebase is one offer for a third who had the old commits, and not merged back with them', async () => {
    const people = await crossroads.diverged({ files: top }, { files: bottom }, { files: { g: 'g\n' } });
    const [a, b, c] = people as [Wayfarer, Wayfarer, Wayfarer];
    await expect.poll(() => people.map(({ tips }) => tips.length), PATIENCE).toEqual([3, 3, 3]);
    // The third comes to be where the first is.
    git(c.root, 'reset', '--quiet', '--hard', a.tip);
    await expect.poll(() => c.main?.peers.some(({ standing }) => standing === 'equal'), PATIENCE).toBe(true);
    await expect.poll(() => a.tips.length, PATIENCE).toBe(2);
    const old = a.tip;
    const settled = await a.settle({ how: 'rebase', onto: b.tip });
    await comesTo(b, settled);
    await expect
      .poll(() => c.main?.peers.map(({ standing }) => standing), PATIENCE)
      .toEqual(['rewound-there', 'rewound-there']);
    await c.desk.choose(undefined, 'auto-merge');
    await c.driver.idle();
    expect([a.tip, b.tip, c.tip]).toEqual([settled, settled, old]);
    expect(c.main).toMatchObject({ conflict: undefined });
    expect(await c.settle({ how: 'follow', tip: settled! })).toBe(settled);
    await expect.poll(() => people.map(({ tips }) => tips.length), PATIENCE).toEqual([0, 0, 0]);
  });

  it('two at once that come to the same files settle by themselves, whatever the strategy', async () => {
    const { a, b } = await two(top, otherTop);
    const [mine, theirs] = await Promise.all([a.settle(decided), b.settle({ ...decided, message: 'In my words' })]);
    expect(mine).not.toBe(theirs);
    await expect.poll(() => a.tip === b.tip && a.tips.length + b.tips.length, PATIENCE).toBe(0);
    expect([a.read('f'), status(a), status(b)]).toEqual(['both\n', '', '']);
    expect(new Set(parents(a).split(' '))).toEqual(new Set([mine, theirs]));
  });

  it('two at once that differ are an ordinary conflict', async () => {
    const { a, b } = await two(top, otherTop);
    await Promise.all([a.settle({ how: 'mine' }), b.settle({ how: 'mine' })]);
    await expect.poll(() => [a.tips.length, b.tips.length], PATIENCE).toEqual([2, 2]);
    expect([a.read('f'), b.read('f')]).toEqual([top.f, otherTop.f]);
  });
});

/** What a worktree may be like when its branch is settled. `blocks`: the branch cannot move then. */
const PLACES: readonly {
  readonly name: string;
  readonly arrange: (person: Wayfarer) => void;
  readonly blocks: boolean;
  readonly check?: (person: Wayfarer) => void;
}[] = [
  { name: 'clean', arrange: () => undefined, blocks: false },
  {
    name: 'not checked out',
    arrange: ({ root }) => void git(root, 'checkout', '--quiet', '-b', 'elsewhere'),
    blocks: false,
  },
  { name: 'detached HEAD', arrange: ({ root }) => void git(root, 'checkout', '--quiet', '--detach'), blocks: false },
  {
    name: 'in a linked worktree',
    arrange: ({ root }) => {
      git(root, 'checkout', '--quiet', '--detach');
      git(root, 'worktree', 'add', '--quiet', `${root}-linked`, 'main');
    },
    blocks: false,
    check: ({ root }) => expect(git(`${root}-linked`, 'status', '--porcelain')).toBe(''),
  },
  {
    name: 'changes elsewhere',
    arrange: ({ root }) => writeFiles(root, { other: 'changed\n', loose: 'x\n' }),
    blocks: false,
    check: ({ root }) => expect(git(root, 'status', '--porcelain')).toBe('M other\n?? loose'),
  },
  {
    name: 'changes to a file that changes',
    arrange: ({ root }) => writeFiles(root, { f: 'dirty\n' }),
    blocks: true,
  },
  {
    name: 'staged changes to a file that changes',
    arrange: ({ root }) => {
      writeFiles(root, { f: 'staged\n' });
      git(root, 'add', 'f');
    },
    blocks: true,
  },
  { name: 'an untracked file in the way', arrange: ({ root }) => writeFiles(root, { theirs: 'x\n' }), blocks: true },
  {
    name: 'a merge in progress',
    arrange: ({ root }) => {
      git(root, 'branch', 'aside', 'main~');
      git(root, 'checkout', '--quiet', 'aside');
      commit(root, { aside: 'x\n' });
      git(root, 'checkout', '--quiet', 'main');
      git(root, 'merge', '--quiet', '--no-commit', '--no-ff', 'aside');
    },
    blocks: true,
  },
];

const WAYS: readonly { readonly name: string; readonly how: (theirs: Oid) => Resolution }[] = [
  {
    name: 'merge',
    how: () => ({
      how: 'merge',
      files: [
        { path: 'f', use: 'text', text: 'both\n' },
        { path: 'theirs', use: 'text', text: 'theirs\n' },
      ],
      message: '',
    }),
  },
  { name: 'theirs', how: (tip) => ({ how: 'theirs', tip }) },
  { name: 'both', how: (tip) => ({ how: 'both', name: 'ours', tip }) },
];

describe.each(WAYS)('[SY6] $name, where the worktree is', ({ how }) => {
  it.each(PLACES)('$name', async ({ arrange, blocks, check }) => {
    const shared = { other: 'o\n' };
    const { a, mine, theirs } = await two({ ...shared, ...top }, { ...shared, ...otherTop, theirs: 'theirs\n' });
    arrange(a);
    const before = git(a.root, 'for-each-ref', 'refs/heads', 'refs/tags', 'refs/peerweave');
    const state = status(a);
    if (!blocks) {
      const settled = await a.settle(how(theirs));
      expect(a.tip).toBe(settled);
      (check ?? ((): void => expect(status(a)).toBe('')))(a);
    } else {
      expect(await rejectionReason(a.settle(how(theirs)))).toBe('move-refused');
      expect([a.tip, status(a), kept(a)]).toEqual([mine, state, []]);
      expect(git(a.root, 'for-each-ref', 'refs/heads', 'refs/tags', 'refs/peerweave')).toBe(before);
    }
    fsck(a.root);
  });
});

describe('[SY6] rebase, where the worktree is', () => {
  it.each(PLACES.filter(({ name }) => name !== 'a merge in progress'))('$name', async ({ arrange, blocks, check }) => {
    const shared = { other: 'o\n' };
    const { a, mine, theirs } = await two({ ...shared, ...top }, { ...shared, ...bottom, theirs: 'theirs\n' });
    arrange(a);
    const state = status(a);
    if (blocks) {
      expect(await rejectionReason(a.settle({ how: 'rebase', onto: theirs }))).toBe('move-refused');
      expect([a.tip, status(a), kept(a)]).toEqual([mine, state, []]);
      return;
    }
    const settled = await a.settle({ how: 'rebase', onto: theirs });
    expect([a.tip, parents(a)]).toEqual([settled, theirs]);
    (check ?? ((): void => expect(status(a)).toBe('')))(a);
  });
});

describe('[SY6] mine, where the worktree is', () => {
  it.each(PLACES)('$name', async ({ name, arrange, check }) => {
    const shared = { other: 'o\n' };
    const { a, mine } = await two({ ...shared, ...top }, { ...shared, ...otherTop, theirs: 'theirs\n' });
    arrange(a);
    const state = status(a);
    // No file changes, so only an operation in progress stands in the way.
    if (name === 'a merge in progress') {
      expect(await rejectionReason(a.settle({ how: 'mine' }))).toBe('move-refused');
      expect([a.tip, status(a), kept(a)]).toEqual([mine, state, []]);
      return;
    }
    const settled = await a.settle({ how: 'mine' });
    expect([a.tip, status(a)]).toEqual([settled, state]);
    check?.(a);
  });
});

describe('[SY6] [SY7] follow, where the worktree is', () => {
  it.each(PLACES)('$name', async ({ arrange, blocks, check }) => {
    const shared = { other: 'o\n' };
    const { a, b, theirs } = await two({ ...shared, ...top }, { ...shared, ...bottom, theirs: 'theirs\n' });
    await a.settle({ how: 'merge', files: [{ path: 'theirs', use: 'delete' }], message: '' });
    const merged = a.tip;
    await comesTo(b, merged);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips, PATIENCE).toEqual([merged, theirs]);
    arrange(a);
    const state = status(a);
    const follow: Resolution = { how: 'follow', tip: theirs };
    if (blocks) {
      expect(await rejectionReason(a.settle(follow))).toBe('move-refused');
      expect([a.tip, status(a), kept(a)]).toEqual([merged, state, []]);
      return;
    }
    await a.settle(follow);
    expect([a.tip, kept(a)]).toEqual([theirs, [`main/${merged}`]]);
    (check ?? ((): void => expect(status(a)).toBe('')))(a);
  });
});

describe('what a person is told instead', () => {
  it('conflict-moved, when the branch is elsewhere by now, or a candidate has gone', async () => {
    const { a, b, mine, theirs } = await two(top, otherTop);
    const newer = commit(b.root, { f: 'newer\n' });
    await expect.poll(() => a.tips, PATIENCE).toEqual([mine, newer]);
    expect(await rejectionReason(a.desk.settle(MAIN, [mine, theirs], decided, false))).toBe('conflict-moved');
    a.driver.handle({ type: 'peer-gone', peer: b.id });
    expect(await rejectionReason(a.desk.settle(MAIN, [mine, newer], decided, false))).toBe('conflict-moved');
    expect([a.tip, status(a)]).toEqual([mine, '']);
  });

  it('conflict-moved, when they push while the merge is being made', async () => {
    const { a, b, mine, theirs } = await two(top, otherTop);
    const late = a.desk.settle(MAIN, [mine, theirs], decided, false);
    b.driver.handle({ type: 'peer-down', peer: a.id });
    a.driver.handle({ type: 'manifest', peer: b.id, seq: 1_000, refs: new Map() });
    expect(await rejectionReason(late)).toBe('conflict-moved');
    expect(a.tip).toBe(mine);
  });

  it('conflict-moved, when the person committed meanwhile', async () => {
    const { a, mine, theirs } = await two(top, otherTop);
    const late = a.desk.settle(MAIN, [mine, theirs], decided, false);
    const own = commit(a.root, { own: 'x\n' });
    expect(await rejectionReason(late)).toBe('conflict-moved');
    expect([a.tip, status(a)]).toEqual([own, '']);
  });

  it('conflict-unresolved, when files have no decision, or commits do not apply', async () => {
    const { a, mine, theirs } = await two(top, otherTop);
    expect(await rejectionReason(a.settle({ how: 'merge', files: [], message: 'x' }))).toBe('conflict-unresolved');
    expect(await rejectionReason(a.settle({ how: 'rebase', onto: theirs }))).toBe('conflict-unresolved');
    expect([a.tip, kept(a)]).toEqual([mine, []]);
    git(a.root, 'merge', '--quiet', '-s', 'ours', '-m', 'merge', 'origin/main~0');
    commit(a.root, { g: '1\n' });
    git(a.root, 'checkout', '--quiet', '-b', 'side', 'main~');
    commit(a.root, { h: '1\n' });
    git(a.root, 'checkout', '--quiet', 'main');
    git(a.root, 'merge', '--quiet', '-m', 'merge', 'side');
    await expect.poll(() => a.tips[0], PATIENCE).toBe(a.tip);
    await expect(a.settle({ how: 'rebase', onto: theirs })).rejects.toThrow(/is a merge/);
  });

  it('bad-request, for what does not fit what happened', async () => {
    const { a, theirs } = await two(top, otherTop);
    const stranger = 'f'.repeat(40);
    for (const resolution of [
      { how: 'follow', tip: theirs },
      { how: 'follow', tip: null },
      { how: 'theirs', tip: stranger },
      { how: 'theirs', tip: a.tip },
      { how: 'rebase', onto: stranger },
      { how: 'both', name: 'x', tip: stranger },
    ] satisfies Resolution[])
      expect([resolution, await rejectionReason(a.settle(resolution))]).toEqual([resolution, 'bad-request']);
    for (const name of ['main', 'a..b', '-x'])
      expect(await rejectionReason(a.settle({ how: 'both', name, tip: theirs }))).toMatch(
        /move-refused|conflict-moved/,
      );
  });

  it('review-needed, when files come along that run code on open', async () => {
    const { a, mine, theirs } = await two(top, { ...otherTop, '.vscode/tasks.json': '{}\n' });
    expect(await rejectionReason(a.settle({ how: 'theirs', tip: theirs }))).toBe('review-needed');
    expect([a.tip, kept(a)]).toEqual([mine, []]);
    await a.settle({ how: 'theirs', tip: theirs }, true);
    expect(a.read('.vscode/tasks.json')).toBe('{}\n');
  });

  it('disk-full, when the merge cannot be written; everything stays, and works once there is space', async () => {
    const { a, mine } = await two(top, otherTop);
    const mount = join(a.root, '.git', 'peerweave', 'staging');
    mkdirSync(mount, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mount]);
    const text = Array.from({ length: 100_000 }, (_, i) => `${(i * 2_654_435_761) % 4_294_967_291}\n`).join('');
    const large: Resolution = { how: 'merge', files: [{ path: 'f', use: 'text', text }], message: '' };
    try {
      expect(await rejectionReason(a.settle(large))).toBe('disk-full');
      expect([a.tip, status(a), kept(a)]).toEqual([mine, '', []]);
    } finally {
      execFileSync('umount', ['--lazy', mount]);
    }
    await a.settle(large);
    expect(a.read('f')).toBe(text);
    fsck(a.root);
  });

  it('disk-full, when the files of what was settled cannot be written; everything stays, and works once there is space', async () => {
    const big = Array.from({ length: 30_000 }, (_, i) => `${(i * 2_654_435_761) % 4_294_967_291}\n`).join('');
    const { a, mine, theirs } = await two(top, { ...otherTop, 'd/big': big });
    const mount = join(a.root, 'd');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]);
    const take: Resolution = { how: 'theirs', tip: theirs };
    try {
      await expect(a.settle(take)).rejects.toMatchObject({
        reason: 'disk-full',
        message: expect.stringMatching(/^main was not changed: The disk is full\. Free some space/) as string,
      });
      expect([a.tip, status(a), kept(a)]).toEqual([mine, '', []]);
    } finally {
      execFileSync('umount', ['--lazy', mount]);
    }
    await a.settle(take);
    expect(a.read('d/big')).toBe(big);
  });

  it('what git says, when it refuses to merge; nothing has happened', async () => {
    const { a, mine, theirs } = await two(top, otherTop);
    const refusing = join(crossroads.path, 'refusing-git');
    writeFileSync(
      refusing,
      '#!/bin/sh\nfor word in "$@"; do [ "$word" = merge-tree ] && { echo "fatal: no, thank you" >&2; exit 128; }; done\nexec git "$@"\n',
      { mode: 0o755 },
    );
    const repository = await new SystemGitProvider({ git: refusing }).open(a.root);
    const author = { fallbackName: 'Ada', now: 0 };
    const made = repository.resolve({ heads: [mine, theirs], tree: { merge: [] }, message: 'x', author });
    await expect(made).rejects.toThrow(/no, thank you/);
    repository.dispose();
    expect([a.tip, status(a)]).toEqual([mine, '']);
  });

  it('[LI8] a peer that floods conflicting heads changes nothing here; the last of them can be settled', async () => {
    const { a, b, mine } = await two(top, otherTop);
    for (let n = 0; n < 25; n += 1) {
      git(b.root, 'commit', '--quiet', '--amend', '--message', `again ${n}`);
      b.driver.handle({ type: 'sync-now' });
    }
    const last = b.tip;
    await expect.poll(() => a.tips, PATIENCE).toEqual([mine, last]);
    expect([a.tip, status(a), kept(a)]).toEqual([mine, '', []]);
    const settled = await a.settle(decided);
    await comesTo(b, settled);
    expect(parents(a)).toBe(`${mine} ${last}`);
    fsck(a.root);
  });

  it('a hook of the person that fails is not run, and stops nothing', async () => {
    const { a } = await two(top, otherTop);
    for (const hook of ['pre-commit', 'commit-msg', 'post-checkout', 'reference-transaction', 'pre-merge-commit'])
      writeFileSync(join(a.root, '.git', 'hooks', hook), '#!/bin/sh\ntouch "$GIT_DIR/ran"\nexit 1\n', { mode: 0o755 });
    await a.settle(decided);
    expect(readFileSync(join(a.root, 'f'), 'utf8')).toBe('both\n');
    expect(existsSync(join(a.root, '.git', 'ran'))).toBe(false);
  });
});
