import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { lines } from '../../support/diverged.ts';
import { fsck, git } from '../../support/git.ts';
import { bottom, Crossroads, otherTop, top } from '../../support/crossroads.ts';

const crossroads = new Crossroads();
const diverged = crossroads.diverged;

afterEach(() => crossroads.clear());
afterAll(() => crossroads.remove());

describe('strategies on real repositories', () => {
  it('[CO3] [CO7] auto-merge brings both to the same commit, with their files', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge' }, { files: bottom, strategy: 'auto-merge' });
    await expect.poll(() => a!.tip === b!.tip, { timeout: 10_000 }).toBe(true);
    for (const { root, read } of [a!, b!].map((p) => ({ root: p.root, read: p.read('f') }))) {
      expect(read).toBe(lines(9, { 1: 'top', 9: 'bottom' }));
      expect(git(root, 'status', '--porcelain')).toBe('');
      expect(git(root, 'show', '-s', '--format=%an %s', 'main')).toBe('Peerweave Merge what diverged on main');
      fsck(root);
    }
    expect(git(a!.root, 'rev-list', '--count', 'main')).toBe('4');
    await expect.poll(() => a!.main).toMatchObject({ conflict: undefined, settling: undefined });
  });

  it('[CO5] one who merges settles it for those who do not', async () => {
    const [a, b, c] = await diverged(
      { files: top, strategy: 'manual' },
      { files: bottom, strategy: 'auto-merge' },
      { files: { g: 'g\n' }, strategy: 'manual' },
    );
    await expect.poll(() => new Set([a!.tip, b!.tip, c!.tip]).size, { timeout: 20_000 }).toBe(1);
    expect([c!.read('f'), a!.read('g')]).toEqual([lines(9, { 1: 'top', 9: 'bottom' }), 'g\n']);
  });

  it('[CO3] what does not merge stays where it is on both sides', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge' }, { files: otherTop, strategy: 'auto-merge' });
    const before = [a!.tip, b!.tip];
    await expect
      .poll(() => [a!.main?.settling, b!.main?.settling], { timeout: 10_000 })
      .toEqual(['unclean', 'unclean']);
    expect([a!.tip, b!.tip]).toEqual(before);
    expect(a!.main?.conflict).toHaveLength(2);
  });

  it('[CO4] prefer-remote takes the other files, and our own commit is kept and can be had back', async () => {
    const [a, b] = await diverged({ files: top, strategy: 'prefer-remote' }, { files: otherTop, strategy: 'manual' });
    const [mine, theirs] = [a!.tip, b!.tip];
    await expect.poll(() => a!.tip !== mine && a!.tip === b!.tip, { timeout: 10_000 }).toBe(true);
    expect([a!.read('f'), b!.read('f')]).toEqual([lines(9, { 1: 'another top' }), lines(9, { 1: 'another top' })]);
    expect(git(a!.root, 'for-each-ref', '--format=%(refname)', 'refs/peerweave/kept')).toBe(
      `refs/peerweave/kept/main/${mine}`,
    );
    expect(git(a!.root, 'rev-list', 'main')).toContain(theirs);
    expect(git(a!.root, 'rev-list', 'main')).toContain(mine);
  });

  it('[SY6] a merge waits for changes that are in its way, and touches nothing of them', async () => {
    const dirty = { f: 'mine, not committed\n' };
    const [a, b] = await diverged({ files: top, strategy: 'auto-merge', dirty }, { files: bottom, strategy: 'manual' });
    const before = a!.tip;
    await expect
      .poll(() => a!.main?.pending?.detail, { timeout: 10_000 })
      .toContain('your changes to f are in the way');
    expect([a!.tip, a!.read('f'), a!.main?.conflict?.length]).toEqual([before, dirty.f, 2]);
    git(a!.root, 'checkout', '--quiet', 'f');
    await expect.poll(() => a!.tip !== before && a!.tip === b!.tip, { timeout: 20_000 }).toBe(true);
    expect(a!.read('f')).toBe(lines(9, { 1: 'top', 9: 'bottom' }));
  });
});
