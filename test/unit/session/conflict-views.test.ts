import { expect, it } from 'vitest';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { conflictViews, divergedByPeer } from '../../../extension/src/p2p/session/conflict-views.ts';
import type { BranchState, PeerStanding } from '../../../extension/src/p2p/sync/model.ts';
import type { BranchName, Oid } from '../../../extension/src/shared/ids.ts';

const [self, bob] = [createIdentity().peer, createIdentity().peer];
const [ours, theirs, base] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [Oid, Oid, Oid];
const around = {
  self,
  nameOf: (peer: string) => (peer === self ? 'Ada' : 'Bob'),
  strategies: { session: 'manual' as const, branches: new Map([['b' as BranchName, 'auto-merge' as const]]) },
  resolving: (branch: BranchName) => (branch === 'a' ? [{ name: 'Bob', since: 7 }] : []),
};

function state(branch: string, standing: PeerStanding['standing'], remote: Oid | null = theirs): BranchState {
  const diverged = standing === 'diverged';
  return {
    branch: branch as BranchName,
    local: ours,
    peers: [{ peer: bob, remote, base, standing, ahead: 1, behind: 1 }],
    conflict: diverged
      ? [
          { tip: ours, owners: [null] },
          { tip: theirs, owners: [bob] },
        ]
      : undefined,
    settling: diverged ? 'unclean' : undefined,
    pending: undefined,
  };
}

it('[CO1] [SY7] what diverged, was rewound or deleted there is shown with who has what', () => {
  const branches = [state('a', 'diverged'), state('b', 'rewound-there'), state('c', 'deleted-there', null)];
  const mine = { oid: ours, owners: ['Ada'], mine: true };
  const other = { oid: theirs, owners: ['Bob'], mine: false };
  expect(conflictViews([...branches, state('d', 'equal')], around)).toEqual({
    conflicts: [
      {
        kind: 'diverged',
        branch: 'a',
        bases: [base],
        candidates: [mine, other],
        strategy: 'manual',
        settling: 'unclean',
        resolving: [{ name: 'Bob', since: 7 }],
      },
      {
        kind: 'rewound-there',
        branch: 'b',
        bases: [base],
        candidates: [mine, other],
        strategy: 'auto-merge',
        resolving: [],
      },
      {
        kind: 'deleted-there',
        branch: 'c',
        bases: [base],
        candidates: [mine],
        deletedBy: ['Bob'],
        strategy: 'manual',
        resolving: [],
      },
    ],
  });
});

it('[LI8] of a peer that floods conflicting heads no more is shown than anybody looks through, what blocks first', () => {
  const flood = Array.from({ length: 3_000 }, (_, n) => state(`f${n}`, 'rewound-there'));
  const { conflicts, moreConflicts } = conflictViews([...flood, state('main', 'diverged')], around);
  expect([conflicts.length, moreConflicts]).toEqual([500, { all: 2_501, diverged: 0, toSettle: 0 }]);
  expect(conflicts[0]).toMatchObject({ kind: 'diverged', branch: 'main' });
});

it('[CO1] of too many, what waits for people comes before what a strategy is about to settle, and the rest is counted', () => {
  const settling = Array.from({ length: 300 }, (_, n) => ({
    ...state(`a${n}`, 'diverged'),
    settling: 'under-way' as const,
  }));
  const waiting = Array.from({ length: 501 }, (_, n) => state(`b${n}`, 'diverged'));
  const strategies = { session: 'auto-merge' as const, branches: new Map() };
  const { conflicts, moreConflicts } = conflictViews([...settling, ...waiting], { ...around, strategies });
  expect(new Set(conflicts.map((conflict) => conflict.settling))).toEqual(new Set(['unclean']));
  expect(moreConflicts).toEqual({ all: 301, diverged: 301, toSettle: 1 });
});

it('[CO1] of each peer it is known how many branches have diverged from it, however many are shown', () => {
  const flood = Array.from({ length: 600 }, (_, n) => state(`f${n}`, 'diverged'));
  // A tip that contains all others is the resolution: what is left is that it arrives.
  const settled = { ...state('settled', 'diverged'), conflict: undefined };
  expect(divergedByPeer([...flood, state('b', 'rewound-there'), state('c', 'equal'), settled])).toEqual(
    new Map([[bob, 600]]),
  );
});
