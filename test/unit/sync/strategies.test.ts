import { describe, expect, it } from 'vitest';
import type { SyncEffect } from '../../../extension/src/p2p/sync/model.ts';
import type { SyncOptions } from '../../../extension/src/p2p/sync/options.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, B, C, branch, CoreScript } from './core-script.ts';

const main = branch('main');
const session = (strategy: Strategy, more: SyncOptions = {}): SyncOptions => ({
  ...more,
  strategies: { session: strategy, branches: new Map() },
});

interface Split {
  readonly s: CoreScript;
  readonly ours: Oid;
  readonly theirs: Oid;
}

/** Ours and A's diverged; ours comes first in the order of ids, or last. */
function diverged(strategy: Strategy, turn: 'first' | 'last' = 'first'): Split {
  const s = new CoreScript(session(strategy));
  const base = s.commit();
  const tips = [s.commit([base]), s.commit([base])].sort();
  if (turn === 'last') tips.reverse();
  const [ours, theirs] = tips as [Oid, Oid];
  s.local({ main: base });
  s.up(A);
  s.announces(A, { main: base });
  s.local({ main: ours });
  s.announces(A, { main: theirs });
  return { s, ours, theirs };
}

/** Makes the merge that was last asked for. */
function merges(s: CoreScript, parents = s.every('merge').at(-1)!.heads): Oid {
  const commit = s.commit(parents);
  s.feed({ type: 'merged', branch: main, commit, parents });
  return commit;
}

/** Lets time pass until nothing waits for it; a wake of 0 ms only asks what time it is. */
function waits(s: CoreScript, ms = 60_000): void {
  s.feed({ type: 'tick', now: (clock += 1) });
  s.feed({ type: 'tick', now: (clock += ms) });
}
let clock = 0;

const asked = (effects: readonly SyncEffect[]): string[] =>
  effects.map(({ type }) => type).filter((type) => type === 'merge' || type === 'keep' || type === 'move');

describe('[CO2] manual', () => {
  it('is what there is when nothing is said, and does nothing', () => {
    const { s } = diverged('manual');
    expect(asked(s.all)).toEqual([]);
    expect(s.state()).toMatchObject({ settling: undefined, conflict: [{}, {}] });
  });
});

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

describe('[CO3] auto-merge', () => {
  it('merges the sides in the order of their ids, and moves there', () => {
    const { s, ours, theirs } = diverged('auto-merge');
    expect(s.every('merge')).toEqual([{ type: 'merge', branch: main, heads: [ours, theirs] }]);
    expect(s.state()?.settling).toBe('under-way');
    const commit = merges(s);
    expect(s.every('move')).toMatchObject([
      { from: ours, to: commit, peer: A, reviewed: false, merges: [ours, theirs] },
    ]);
    s.moves();
    expect(s.state()).toMatchObject({ local: commit, conflict: undefined, settling: undefined });
  });

  it('gives the peer whose side comes first a little time to be the one', () => {
    const { s, ours, theirs } = diverged('auto-merge', 'last');
    expect(s.every('merge')).toEqual([]);
    const commit = s.commit([theirs, ours]);
    s.announces(A, { main: commit });
    s.moves();
    waits(s);
    expect(asked(s.all)).toEqual(['move']);
    expect(s.state()?.local).toBe(commit);
  });

  it('does it itself when that peer does not', () => {
    const { s, ours, theirs } = diverged('auto-merge', 'last');
    waits(s);
    expect(s.every('merge')).toMatchObject([{ heads: [theirs, ours] }]);
  });

  it('falls to manual where it is not clean, and does not ask again', () => {
    const { s, theirs } = diverged('auto-merge');
    s.feed({ type: 'merge-refused', branch: main, why: 'conflicts' });
    s.feed({ type: 'sync-now' });
    s.announces(A, { main: theirs, other: theirs });
    waits(s);
    expect(s.every('merge')).toHaveLength(1);
    expect(s.state()).toMatchObject({ settling: 'unclean', conflict: [{}, {}] });
  });

  it('of many sides takes what merges; a side that is left out stays a conflict', () => {
    const s = new CoreScript(session('auto-merge'));
    const base = s.commit();
    const heads = [s.commit([base]), s.commit([base]), s.commit([base])].sort();
    s.local({ main: base });
    s.up(A, B);
    s.announces(A, { main: base });
    s.announces(B, { main: base });
    s.relates = false;
    s.announces(A, { main: heads[1]! });
    s.announces(B, { main: heads[2]! });
    s.relates = true;
    s.local({ main: heads[0]! });
    for (const relate of s.every('relate').slice(-1)) s.feed(s.answer(relate));
    const last = s.every('merge').at(-1)!;
    merges(s, last.heads.slice(0, 2));
    s.moves();
    expect(s.state()?.conflict?.length ?? 0).toBeGreaterThan(1);
  });

  it('where our own side is left out nothing moves here', () => {
    const { s, ours } = diverged('auto-merge');
    const commit = s.commit([s.commit(), s.commit()]);
    s.feed({ type: 'merged', branch: main, commit, parents: [s.commit()] });
    expect(s.every('move')).toEqual([]);
    expect(s.state()).toMatchObject({ local: ours, settling: 'unclean' });
  });

  it('tries again what went wrong, after a while each time', () => {
    const { s } = diverged('auto-merge');
    s.feed({ type: 'merge-refused', branch: main, why: 'failed' });
    expect(s.every('merge')).toHaveLength(1);
    waits(s);
    expect(s.every('merge')).toHaveLength(2);
  });

  it('[SY12] a merge of what is no more is dropped, and what is now is merged', () => {
    const { s, ours, theirs } = diverged('auto-merge');
    const more = s.commit([ours]);
    s.local({ main: more });
    merges(s, [ours, theirs]);
    expect(s.every('move')).toEqual([]);
    waits(s);
    expect(s.every('merge').at(-1)?.heads).toEqual([more, theirs].sort());
  });

  it('[SY6] waits as pending where the worktree is in the way, and goes when it is not', () => {
    const { s, theirs, ours } = diverged('auto-merge');
    const commit = merges(s);
    s.refuses('pending', 'your changes are in the way');
    expect(s.state()).toMatchObject({ pending: { to: commit, peer: A }, settling: 'under-way' });
    s.announces(A, { main: theirs, other: theirs });
    expect(s.every('merge')).toHaveLength(1);
    s.feed({ type: 'apply-pending', branch: main });
    expect(s.got('move')).toMatchObject([{ from: ours, to: commit, reviewed: true }]);
    s.moves();
    expect(s.state()).toMatchObject({ local: commit, pending: undefined });
  });

  it('[CO7] the same files by other commits become one commit, without ado', () => {
    const s = new CoreScript(session('prefer-local'));
    const base = s.commit();
    const heads = [s.commit([base], 7), s.commit([base], 7)].sort() as [Oid, Oid];
    s.local({ main: heads[0] });
    s.up(A);
    s.announces(A, { main: heads[1] });
    expect(s.state()?.conflict).toBeUndefined();
    expect(s.every('keep')).toEqual([]);
    expect(s.every('merge')).toEqual([{ type: 'merge', branch: main, heads }]);
  });

  it('moves nothing while moving by itself is off, and goes on when it is on', () => {
    const { s } = diverged('manual');
    s.feed({ type: 'auto-sync', enabled: false });
    s.feed({ type: 'strategies', strategies: { session: 'auto-merge', branches: new Map() } });
    expect(asked(s.all)).toEqual([]);
    s.feed({ type: 'auto-sync', enabled: true });
    expect(s.every('merge')).toHaveLength(1);
  });

  it('is a matter of the branch where one has its own strategy', () => {
    const { s } = diverged('manual');
    s.feed({ type: 'strategies', strategies: { session: 'auto-merge', branches: new Map([[main, 'manual']]) } });
    expect(asked(s.all)).toEqual([]);
    s.feed({ type: 'strategies', strategies: { session: 'manual', branches: new Map([[main, 'auto-merge']]) } });
    expect(s.every('merge')).toHaveLength(1);
  });
});

describe('[SY7] what somebody took back is not merged back in', () => {
  it('by us: the merge that would do it is not moved to', () => {
    const s = new CoreScript(session('auto-merge'));
    const base = s.commit();
    const old = s.commit([base]);
    s.local({ main: base });
    s.up(A);
    s.local({ main: old });
    // Amended, while the peer, who had seen the old one elsewhere, built on it.
    s.local({ main: s.commit([base]) });
    s.announces(A, { main: s.commit([old]) });
    waits(s);
    merges(s);
    expect(s.every('move')).toEqual([]);
    expect(s.state()).toMatchObject({ settling: 'rewritten', conflict: [{}, {}] });
    waits(s);
    expect(s.every('merge')).toHaveLength(1);
  });

  it('[SY13] by taking back the merge itself: the conflict is there again, and people settle it', () => {
    const { s, ours, theirs } = diverged('auto-merge');
    const commit = merges(s);
    s.moves();
    s.local({ main: commit });
    s.local({ main: ours });
    waits(s);
    s.feed({ type: 'merged', branch: main, commit, parents: [ours, theirs] });
    expect(s.every('move')).toHaveLength(1);
    expect(s.state()).toMatchObject({ settling: 'rewritten', conflict: [{ tip: ours }, { tip: theirs }] });
    // Where the peer has taken the merge over, it is offered to have it back.
    s.announces(A, { main: commit });
    expect(s.standing(A)).toBe('rewound-here');
    s.feed({ type: 'apply-pending', branch: main });
    s.moves();
    expect(s.state()).toMatchObject({ local: commit, conflict: undefined, settling: undefined });
  });

  it('by a peer: what both had agreed on and it has not any more', () => {
    const s = new CoreScript(session('auto-merge'));
    const base = s.commit();
    const agreed = s.commit([base]);
    s.local({ main: agreed });
    s.up(A);
    s.announces(A, { main: agreed });
    s.local({ main: s.commit([agreed]) });
    s.announces(A, { main: s.commit([base]) });
    waits(s);
    expect(s.standing(A)).toBe('diverged');
    expect(s.every('merge')).toEqual([]);
    expect(s.state()?.settling).toBe('rewritten');
  });
});

describe('[CO4] prefer-local and prefer-remote', () => {
  it.each([
    ['prefer-local', 'ours'],
    ['prefer-remote', 'theirs'],
  ] as const)('%s keeps the other side first, and then takes %s', (strategy, winner) => {
    const split = diverged(strategy);
    const { s, ours, theirs } = split;
    const [take, lost] = [split[winner], winner === 'ours' ? theirs : ours];
    expect(s.every('keep')).toEqual([{ type: 'keep', branch: main, tips: [lost] }]);
    expect(s.every('merge')).toEqual([]);
    s.feed({ type: 'kept', branch: main });
    expect(s.every('merge')).toEqual([{ type: 'merge', branch: main, heads: [ours, theirs], take }]);
    const commit = merges(s);
    expect(s.every('move')).toMatchObject([{ from: ours, to: commit }]);
  });

  it('without what loses being kept nothing goes on; it is tried again', () => {
    const { s } = diverged('prefer-remote');
    s.feed({ type: 'keep-refused', branch: main });
    expect(s.every('merge')).toEqual([]);
    waits(s);
    expect(s.every('keep')).toHaveLength(2);
  });

  it('two who each prefer their own do not go on for ever: people decide', () => {
    const { s, ours, theirs } = diverged('prefer-local');
    s.feed({ type: 'kept', branch: main });
    const mine = merges(s);
    s.moves();
    // The peer settled the same two sides the other way.
    const other = s.commit([ours, theirs]);
    s.announces(A, { main: other });
    waits(s);
    expect(s.state()).toMatchObject({ local: mine, settling: 'opposed', conflict: [{}, {}] });
    expect([s.every('keep').length, s.every('merge').length]).toEqual([1, 1]);
    // Nor after a restart, nor when the peer goes on.
    s.restart(session('prefer-local'));
    s.local({ main: mine });
    s.up(A);
    s.announces(A, { main: s.commit([other]) });
    waits(s);
    expect(s.state()?.settling).toBe('opposed');
    expect(s.every('merge')).toHaveLength(1);
    // Until somebody settles it.
    s.announces(A, { main: s.commit([mine, other]) });
    s.moves();
    expect(s.state()).toMatchObject({ conflict: undefined, settling: undefined });
  });

  it('what a peer adds to its side afterwards loses again, and is kept again', () => {
    const { s, theirs } = diverged('prefer-local');
    s.feed({ type: 'kept', branch: main });
    const mine = merges(s);
    s.moves();
    const more = s.commit([theirs]);
    s.announces(A, { main: more });
    waits(s);
    expect(s.every('keep').at(-1)).toMatchObject({ tips: [more] });
    s.feed({ type: 'kept', branch: main });
    expect(s.every('merge').at(-1)).toMatchObject({ heads: [mine, more].sort(), take: mine });
  });
});

describe('no merge goes on for ever', () => {
  it('a peer that never agrees is given up on, and after each change it takes longer', () => {
    const { s } = diverged('auto-merge');
    for (let i = 0; i < 40; i++) {
      const due = s.every('merge').length > s.every('move').length;
      if (due) {
        merges(s);
        s.moves();
      }
      // Whatever was merged, the peer has something else that diverged.
      s.announces(A, { main: s.commit([s.with(A)!.remote!]) });
      waits(s);
    }
    expect(s.every('merge')).toHaveLength(10);
    expect(s.state()?.settling).toBe('gave-up');
    // A commit of one's own is a new matter.
    s.local({ main: s.commit([s.state()!.local!]) });
    waits(s);
    expect(s.every('merge')).toHaveLength(11);
  });

  it('many sides at once are left to people', () => {
    const s = new CoreScript(session('auto-merge'));
    const base = s.commit();
    s.local({ main: s.commit([base]) });
    for (let i = 0; i < 17; i++) {
      const peer = `SHA256:${String.fromCharCode(97 + i).repeat(43)}` as typeof A;
      s.relates = i === 16;
      s.up(peer);
      s.announces(peer, { main: s.commit([base]) });
    }
    for (const relate of s.every('relate').slice(0, 1)) s.feed(s.answer(relate));
    waits(s);
    expect(s.state()?.settling).toBe('too-many');
    expect(s.every('merge')).toEqual([]);
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
