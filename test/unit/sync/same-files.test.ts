import { describe, expect, it } from 'vitest';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, B, C, CoreScript } from './core-script.ts';
import { asked, main, merges, session, waits } from './split-script.ts';

describe('[SY9] the same files by other commits, whatever the strategy', () => {
  /** Ours and others that settled the same two sides alike, or not. */
  function resolved(strategy: Strategy, trees: readonly number[], turn = 0): CoreScript & { sides: Oid[] } {
    const s = new CoreScript(session(strategy));
    const base = s.commit();
    const [one, two] = [s.commit([base]), s.commit([base])];
    const sides = trees.map((tree, i) => s.commit(i % 2 === 0 ? [one, two] : [two, one], tree));
    const sorted = [...sides].sort();
    const ours = sorted[turn]!;
    s.relates = false;
    s.local({ main: ours });
    for (const [i, side] of sorted.filter((tip) => tip !== ours).entries()) {
      s.up([A, B, C][i]!);
      s.announces([A, B, C][i]!, { main: side });
    }
    s.relates = true;
    for (const relate of s.every('relate').slice(-1)) s.feed(s.answer(relate));
    return Object.assign(s, { sides });
  }

  it.each(['manual', 'auto-merge', 'prefer-local', 'prefer-remote'] as const)(
    '[D8] two who resolved a conflict alike come to one commit by themselves: %s',
    (strategy) => {
      const s = resolved(strategy, [7, 7]);
      expect(s.state()?.conflict).toBeUndefined();
      expect(s.every('keep')).toEqual([]);
      expect(s.every('merge')).toEqual([{ type: 'merge', branch: main, heads: [...s.sides].sort() }]);
      const commit = merges(s);
      s.moves();
      expect(s.state()).toMatchObject({ local: commit, conflict: undefined, settling: undefined });
    },
  );

  it('and so do more than two', () => {
    const s = resolved('manual', [7, 7, 7, 7]);
    expect(s.every('merge')).toMatchObject([{ heads: [...s.sides].sort() }]);
  });

  it('while a third side that has other files stays a conflict, with two sides instead of three', () => {
    const s = new CoreScript();
    const base = s.commit();
    const [ours, alike] = [s.commit([base], 7), s.commit([base], 7)].sort() as [Oid, Oid];
    const other = s.commit([base], 8);
    s.local({ main: ours });
    s.up(A, B);
    s.announces(A, { main: other });
    s.announces(B, { main: alike });
    expect(s.state()?.conflict).toHaveLength(2);
    const commit = merges(s);
    expect(s.every('merge')).toMatchObject([{ heads: [ours, alike] }]);
    s.moves();
    expect(s.state()?.conflict).toEqual([
      { tip: commit, owners: [null] },
      { tip: other, owners: [A] },
    ]);
    waits(s);
    expect(s.every('merge')).toHaveLength(1);
  });

  it('[D8] two who resolved a conflict in different ways have a conflict again, and people settle it', () => {
    const s = resolved('manual', [7, 8]);
    waits(s);
    expect(asked(s.all)).toEqual([]);
    expect(s.state()).toMatchObject({ settling: undefined, conflict: [{}, {}] });
  });

  it('also where the strategy comes to nothing for all of the sides', () => {
    const s = new CoreScript(session('auto-merge'));
    const base = s.commit();
    const [ours, alike] = [s.commit([base], 7), s.commit([base], 7)].sort() as [Oid, Oid];
    s.local({ main: ours });
    s.up(A, B);
    s.announces(A, { main: s.commit([base], 8) });
    s.announces(B, { main: alike });
    // Of ours and the one, and then of all three.
    for (let i = 0; i < 2; i++) {
      s.feed({ type: 'merge-refused', branch: main, why: 'conflicts' });
      waits(s);
    }
    expect(s.every('merge').map(({ heads }) => heads.length)).toEqual([2, 3, 2]);
    expect(s.every('merge').at(-1)?.heads).toEqual([ours, alike]);
    expect(s.state()?.settling).toBe('under-way');
  });

  it('[SY13] does not make again the commit that a person took back', () => {
    const s = resolved('manual', [7, 7]);
    const [ours] = [...s.sides].sort();
    const commit = merges(s);
    s.moves();
    s.local({ main: commit });
    s.local({ main: ours! });
    waits(s);
    // Asked again, it gives the same commit.
    expect(s.every('merge')).toHaveLength(2);
    s.feed({ type: 'merged', branch: main, commit, parents: s.every('merge')[1]!.heads });
    waits(s);
    expect(s.every('move')).toHaveLength(1);
    expect(s.state()).toMatchObject({ local: ours, settling: undefined });
  });

  it('is not done while moving by itself is off', () => {
    const s = new CoreScript({ autoSync: false });
    const base = s.commit();
    s.local({ main: s.commit([base], 7) });
    s.up(A);
    s.announces(A, { main: s.commit([base], 7) });
    waits(s);
    expect(asked(s.all)).toEqual([]);
  });
});

describe('[SY9] the same changes, committed separately', () => {
  it('are no conflict', () => {
    const s = new CoreScript();
    const base = s.commit();
    const [ours, theirs] = [
      s.graph.commit([base], 5, { slot: 1, value: 5 }),
      s.graph.commit([base], 6, { slot: 1, value: 5 }),
    ];
    s.local({ main: ours });
    s.up(A, C);
    s.announces(A, { main: theirs });
    expect(s.standing(A)).toBe('patch-equal');
    expect(s.state()?.conflict).toBeUndefined();
  });
});
