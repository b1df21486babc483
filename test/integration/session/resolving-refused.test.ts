import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import type { Resolution } from '../../../extension/src/rpc/conflicts.ts';
import type { BranchName } from '../../../extension/src/shared/ids.ts';
import { Crossroads, decided, otherTop, top } from '../../support/crossroads.ts';
import { commit, fsck, git } from '../../support/git.ts';
import { rejectionReason } from '../../support/reason.ts';

/** Settling that cannot be done, or not now: the reason is told, and nothing has happened. */

const crossroads = new Crossroads();

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

const MAIN = 'main' as BranchName;

describe('what a person is told instead', () => {
  it('conflict-moved, when the branch is elsewhere by now, or a candidate has gone', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, otherTop);
    const newer = commit(b.root, { f: 'newer\n' });
    await expect.poll(() => a.tips).toEqual([mine, newer]);
    expect(await rejectionReason(a.desk.settle(MAIN, [mine, theirs], decided, false))).toBe('conflict-moved');
    a.driver.handle({ type: 'peer-gone', peer: b.id });
    expect(await rejectionReason(a.desk.settle(MAIN, [mine, newer], decided, false))).toBe('conflict-moved');
    expect([a.tip, a.status]).toEqual([mine, '']);
  });

  it('conflict-moved, when they push while the merge is being made', async () => {
    const { a, b, mine, theirs } = await crossroads.two(top, otherTop);
    const late = a.desk.settle(MAIN, [mine, theirs], decided, false);
    b.driver.handle({ type: 'peer-down', peer: a.id });
    a.driver.handle({ type: 'manifest', peer: b.id, seq: 1_000, refs: new Map() });
    expect(await rejectionReason(late)).toBe('conflict-moved');
    expect(a.tip).toBe(mine);
  });

  it('conflict-moved, when the person committed meanwhile', async () => {
    const { a, mine, theirs } = await crossroads.two(top, otherTop);
    const late = a.desk.settle(MAIN, [mine, theirs], decided, false);
    const own = commit(a.root, { own: 'x\n' });
    expect(await rejectionReason(late)).toBe('conflict-moved');
    expect([a.tip, a.status]).toEqual([own, '']);
  });

  it('conflict-unresolved, when files have no decision, or commits do not apply', async () => {
    const { a, mine, theirs } = await crossroads.two(top, otherTop);
    expect(await rejectionReason(a.settle({ how: 'merge', files: [], message: 'x' }))).toBe('conflict-unresolved');
    expect(await rejectionReason(a.settle({ how: 'rebase', onto: theirs }))).toBe('conflict-unresolved');
    expect([a.tip, a.kept]).toEqual([mine, []]);
    git(a.root, 'merge', '--quiet', '-s', 'ours', '-m', 'merge', 'origin/main~0');
    commit(a.root, { g: '1\n' });
    git(a.root, 'checkout', '--quiet', '-b', 'side', 'main~');
    commit(a.root, { h: '1\n' });
    git(a.root, 'checkout', '--quiet', 'main');
    git(a.root, 'merge', '--quiet', '-m', 'merge', 'side');
    await expect.poll(() => a.tips[0]).toBe(a.tip);
    await expect(a.settle({ how: 'rebase', onto: theirs })).rejects.toThrow(/is a merge/);
  });

  it('bad-request, for what does not fit what happened', async () => {
    const { a, theirs } = await crossroads.two(top, otherTop);
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
    const { a, mine, theirs } = await crossroads.two(top, { ...otherTop, '.vscode/tasks.json': '{}\n' });
    expect(await rejectionReason(a.settle({ how: 'theirs', tip: theirs }))).toBe('review-needed');
    expect([a.tip, a.kept]).toEqual([mine, []]);
    await a.settle({ how: 'theirs', tip: theirs }, true);
    expect(a.read('.vscode/tasks.json')).toBe('{}\n');
  });

  it('disk-full, when the merge cannot be written; everything stays, and works once there is space', async () => {
    const { a, mine } = await crossroads.two(top, otherTop);
    const mount = join(a.root, '.git', 'peerweave', 'staging');
    mkdirSync(mount, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mount]);
    const text = Array.from({ length: 100_000 }, (_, i) => `${(i * 2_654_435_761) % 4_294_967_291}\n`).join('');
    const large: Resolution = { how: 'merge', files: [{ path: 'f', use: 'text', text }], message: '' };
    try {
      expect(await rejectionReason(a.settle(large))).toBe('disk-full');
      expect([a.tip, a.status, a.kept]).toEqual([mine, '', []]);
    } finally {
      execFileSync('umount', ['--lazy', mount]);
    }
    await a.settle(large);
    expect(a.read('f')).toBe(text);
    fsck(a.root);
  });

  it('disk-full, when the files of what was settled cannot be written; everything stays, and works once there is space', async () => {
    const big = Array.from({ length: 30_000 }, (_, i) => `${(i * 2_654_435_761) % 4_294_967_291}\n`).join('');
    const { a, mine, theirs } = await crossroads.two(top, { ...otherTop, 'd/big': big });
    const mount = join(a.root, 'd');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]);
    const take: Resolution = { how: 'theirs', tip: theirs };
    try {
      await expect(a.settle(take)).rejects.toMatchObject({
        reason: 'disk-full',
        message: expect.stringMatching(/^main was not changed: The disk is full\. Free some space/) as string,
      });
      expect([a.tip, a.status, a.kept]).toEqual([mine, '', []]);
    } finally {
      execFileSync('umount', ['--lazy', mount]);
    }
    await a.settle(take);
    expect(a.read('d/big')).toBe(big);
  });

  it('what git says, when it refuses to merge; nothing has happened', async () => {
    const { a, mine, theirs } = await crossroads.two(top, otherTop);
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
    expect([a.tip, a.status]).toEqual([mine, '']);
  });

  it('[LI8] a peer that floods conflicting heads changes nothing here; the last of them can be settled', async () => {
    const { a, b, mine } = await crossroads.two(top, otherTop);
    for (let n = 0; n < 25; n += 1) {
      git(b.root, 'commit', '--quiet', '--amend', '--message', `again ${n}`);
      b.driver.handle({ type: 'sync-now' });
    }
    const last = b.tip;
    await expect.poll(() => a.tips).toEqual([mine, last]);
    expect([a.tip, a.status, a.kept]).toEqual([mine, '', []]);
    const settled = await a.settle(decided);
    await b.comesTo(settled);
    expect(a.parents).toBe(`${mine} ${last}`);
    fsck(a.root);
  });

  it('a hook of the person that fails is not run, and stops nothing', async () => {
    const { a } = await crossroads.two(top, otherTop);
    for (const hook of ['pre-commit', 'commit-msg', 'post-checkout', 'reference-transaction', 'pre-merge-commit'])
      writeFileSync(join(a.root, '.git', 'hooks', hook), '#!/bin/sh\ntouch "$GIT_DIR/ran"\nexit 1\n', { mode: 0o755 });
    await a.settle(decided);
    expect(readFileSync(join(a.root, 'f'), 'utf8')).toBe('both\n');
    expect(existsSync(join(a.root, '.git', 'ran'))).toBe(false);
  });
});
