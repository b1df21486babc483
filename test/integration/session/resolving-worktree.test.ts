import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Resolution } from '../../../extension/src/rpc/conflicts.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { bottom, Crossroads, otherTop, top, type Wayfarer } from '../../support/crossroads.ts';
import { commit, fsck, git, writeFiles } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';

/** Every way to settle a branch, in every state that its worktree may be in. */

const crossroads = new Crossroads();

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

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
    const { a, mine, theirs } = await crossroads.two(
      { ...shared, ...top },
      { ...shared, ...otherTop, theirs: 'theirs\n' },
    );
    arrange(a);
    const before = git(a.root, 'for-each-ref', 'refs/heads', 'refs/tags', 'refs/peerweave');
    const state = a.status;
    if (!blocks) {
      const settled = await a.settle(how(theirs));
      expect(a.tip).toBe(settled);
      (check ?? ((): void => expect(a.status).toBe('')))(a);
    } else {
      expect(await rejectionReason(a.settle(how(theirs)))).toBe('move-refused');
      expect([a.tip, a.status, a.kept]).toEqual([mine, state, []]);
      expect(git(a.root, 'for-each-ref', 'refs/heads', 'refs/tags', 'refs/peerweave')).toBe(before);
    }
    fsck(a.root);
  });
});

describe('[SY6] rebase, where the worktree is', () => {
  it.each(PLACES.filter(({ name }) => name !== 'a merge in progress'))('$name', async ({ arrange, blocks, check }) => {
    const shared = { other: 'o\n' };
    const { a, mine, theirs } = await crossroads.two(
      { ...shared, ...top },
      { ...shared, ...bottom, theirs: 'theirs\n' },
    );
    arrange(a);
    const state = a.status;
    if (blocks) {
      expect(await rejectionReason(a.settle({ how: 'rebase', onto: theirs }))).toBe('move-refused');
      expect([a.tip, a.status, a.kept]).toEqual([mine, state, []]);
      return;
    }
    const settled = await a.settle({ how: 'rebase', onto: theirs });
    expect([a.tip, a.parents]).toEqual([settled, theirs]);
    (check ?? ((): void => expect(a.status).toBe('')))(a);
  });
});

describe('[SY6] mine, where the worktree is', () => {
  it.each(PLACES)('$name', async ({ name, arrange, check }) => {
    const shared = { other: 'o\n' };
    const { a, mine } = await crossroads.two({ ...shared, ...top }, { ...shared, ...otherTop, theirs: 'theirs\n' });
    arrange(a);
    const state = a.status;
    // No file changes, so only an operation in progress stands in the way.
    if (name === 'a merge in progress') {
      expect(await rejectionReason(a.settle({ how: 'mine' }))).toBe('move-refused');
      expect([a.tip, a.status, a.kept]).toEqual([mine, state, []]);
      return;
    }
    const settled = await a.settle({ how: 'mine' });
    expect([a.tip, a.status]).toEqual([settled, state]);
    check?.(a);
  });
});

describe('[SY6] [SY7] follow, where the worktree is', () => {
  it.each(PLACES)('$name', async ({ arrange, blocks, check }) => {
    const shared = { other: 'o\n' };
    const { a, b, theirs } = await crossroads.two({ ...shared, ...top }, { ...shared, ...bottom, theirs: 'theirs\n' });
    await a.settle({ how: 'merge', files: [{ path: 'theirs', use: 'delete' }], message: '' });
    const merged = a.tip;
    await b.comesTo(merged);
    git(b.root, 'reset', '--quiet', '--hard', theirs);
    await expect.poll(() => a.tips).toEqual([merged, theirs]);
    arrange(a);
    const state = a.status;
    const follow: Resolution = { how: 'follow', tip: theirs };
    if (blocks) {
      expect(await rejectionReason(a.settle(follow))).toBe('move-refused');
      expect([a.tip, a.status, a.kept]).toEqual([merged, state, []]);
      return;
    }
    await a.settle(follow);
    expect([a.tip, a.kept]).toEqual([theirs, [`main/${merged}`]]);
    (check ?? ((): void => expect(a.status).toBe('')))(a);
  });
});
