import { describe, expect, it } from 'vitest';
import { A, CoreScript } from './core-script.ts';
import { diverged, main, merges, session, waits } from './split-script.ts';

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
