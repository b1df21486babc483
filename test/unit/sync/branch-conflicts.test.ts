import { describe, expect, it } from 'vitest';
import { branchConflicts } from '../../../extension/src/p2p/sync/branch-conflicts.ts';
import { A, B, C, CoreScript } from './core-script.ts';

describe('[CO1] [SY7] what people have to look at, as data', () => {
  it('a branch that diverged, with its sides, their owners and what they agreed on', () => {
    const s = new CoreScript();
    const base = s.commit();
    s.local({ main: base });
    s.up(A, B);
    s.announces(A, { main: base });
    const [ours, theirs] = [s.commit([base]), s.commit([base])];
    s.local({ main: ours });
    s.announces(A, { main: theirs });
    s.announces(B, { main: ours });
    expect(branchConflicts(s.core.branches())).toEqual([
      {
        kind: 'diverged',
        branch: 'main',
        bases: [base, ours].sort(),
        candidates: [
          { tip: ours, owners: [null, B] },
          { tip: theirs, owners: [A] },
        ],
        settling: undefined,
      },
    ]);
  });

  it('a branch that two went back on to the same commit, and one that somebody deleted', () => {
    const s = new CoreScript();
    const [first, second] = s.line(2);
    s.local({ main: second!, topic: second! });
    s.up(A, B, C);
    for (const peer of [A, B, C]) s.announces(peer, { main: second!, topic: second! });
    for (const peer of [B, A]) s.announces(peer, { main: first!, topic: second! });
    s.announces(C, { main: second! });
    expect(branchConflicts(s.core.branches())).toEqual([
      {
        kind: 'rewound-there',
        branch: 'main',
        bases: [second],
        candidates: [
          { tip: second, owners: [null, C] },
          { tip: first, owners: [A, B] },
        ],
        ahead: 1,
        behind: 0,
      },
      {
        kind: 'deleted-there',
        branch: 'topic',
        bases: [second],
        candidates: [{ tip: second, owners: [null, A, B] }],
        peers: [C],
      },
    ]);
  });

  it('nothing where all agree', () => {
    const s = new CoreScript();
    const tip = s.commit();
    s.local({ main: tip });
    s.up(A);
    s.announces(A, { main: tip });
    expect(branchConflicts(s.core.branches())).toEqual([]);
  });
});
