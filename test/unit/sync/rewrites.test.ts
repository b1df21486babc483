import { describe, expect, it } from 'vitest';
import { A, B, CoreScript } from './core-script.ts';

/** A rebased what we have from it; B, with whom we never agreed, follows that. */
function rebased(strategy?: 'auto-merge') {
  const s = new CoreScript(strategy === undefined ? {} : { strategies: { session: strategy, branches: new Map() } });
  const [c0] = s.line(1);
  const [old, onto] = [s.commit([c0!]), s.commit([c0!])];
  s.local({ main: old });
  s.up(A);
  s.up(B);
  s.announces(A, { main: old });
  const again = s.commit([onto]);
  return { s, old, onto, again };
}

describe('[SY7] a rewrite that another follows', () => {
  it('is one rewrite, and no conflict', () => {
    const { s, old, again } = rebased();
    s.announces(A, { main: again });
    s.announces(B, { main: again });
    expect([s.standing(A), s.standing(B)]).toEqual(['rewound-there', 'rewound-there']);
    expect(s.state('main')).toMatchObject({ local: old, conflict: undefined });
    // Gone on from there as well.
    s.announces(B, { main: s.commit([again]) });
    expect(s.standing(B)).toBe('rewound-there');
  });

  it('is not merged with what it replaced, whatever the strategy', () => {
    const { s, again } = rebased('auto-merge');
    s.announces(A, { main: again });
    s.announces(B, { main: s.commit([again]) });
    // Time enough for whoever's turn it is.
    for (const now of [1, 60_001, 120_001]) s.feed({ type: 'tick', now });
    expect(s.every('merge')).toEqual([]);
    expect(s.every('move')).toEqual([]);
  });

  it('does not hide a side that is of its own', () => {
    const { s, onto, again } = rebased();
    s.announces(A, { main: again });
    s.announces(B, { main: s.commit([onto]) });
    expect([s.standing(A), s.standing(B)]).toEqual(['rewound-there', 'diverged']);
  });

  it('nor what we have committed on top of the old', () => {
    const { s, old, again } = rebased();
    s.local({ main: s.commit([old]) });
    s.announces(A, { main: again });
    s.announces(B, { main: again });
    expect([s.standing(A), s.standing(B)]).toEqual(['diverged', 'diverged']);
  });
});
