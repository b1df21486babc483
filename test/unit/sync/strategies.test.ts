import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, B, CoreScript } from './core-script.ts';
import { asked, diverged, main, merges, session, waits } from './split-script.ts';

describe('[CO2] manual', () => {
  it('is what there is when nothing is said, and does nothing', () => {
    const { s } = diverged('manual');
    expect(asked(s.all)).toEqual([]);
    expect(s.state()).toMatchObject({ settling: undefined, conflict: [{}, {}] });
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
