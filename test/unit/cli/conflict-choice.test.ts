import { describe, expect, it } from 'vitest';
import { resolutionOf, type Choice } from '../../../extension/src/p2p/cli/conflict-choice.ts';
import { conflictLine, detailLines } from '../../../extension/src/p2p/cli/conflict-text.ts';
import type { SessionView } from '../../../extension/src/rpc/model.ts';
import { reasonOf } from '../../support/reason.ts';
import { someConflict, someSession } from '../../support/session-views.ts';

const [MINE, BEAS, CYS] = ['3', '4', '5'].map((digit) => digit.repeat(40)) as [string, string, string];
const mine = { oid: MINE, owners: ['Ada'], mine: true };
const beas = { oid: BEAS, owners: ['Bea', 'Dan'], mine: false };
const cys = { oid: CYS, owners: ['Cy'], mine: false };

const session: SessionView = someSession({
  self: { ...someSession().self, name: 'Ada L.' },
  conflicts: [
    someConflict(),
    someConflict({ branch: 'three', candidates: [mine, beas, cys] }),
    someConflict({ kind: 'rewound-there', branch: 'back', candidates: [mine, beas] }),
    someConflict({ kind: 'rewound-there', branch: 'back', candidates: [mine, cys] }),
    someConflict({ kind: 'deleted-there', branch: 'gone', candidates: [mine], deletedBy: ['Bea'] }),
  ],
});
const choose = (branch: string, choice: Choice) => resolutionOf(session, branch, choice);
const refused = (branch: string, choice: Choice) => () => choose(branch, choice);

describe('what a person asks for on the command line', () => {
  it('becomes the request that the editor would send', () => {
    expect(choose('main', { take: 'merge', message: 'x' })).toEqual({
      tips: [MINE, BEAS],
      resolution: { how: 'merge', files: [], message: 'x' },
    });
    expect(choose('main', { take: 'theirs' }).resolution).toEqual({ how: 'theirs', tip: BEAS });
    expect(choose('main', { take: 'mine' }).resolution).toEqual({ how: 'mine' });
    expect(choose('main', { take: 'rebase' }).resolution).toEqual({ how: 'rebase', onto: BEAS });
    expect(choose('main', { take: 'both' }).resolution).toEqual({ how: 'both', name: 'main-ada-l', tip: BEAS });
    expect(choose('main', { take: 'both', name: 'x' }).resolution).toMatchObject({ name: 'x' });
    expect(choose('three', { take: 'theirs', peer: 'Dan' })).toEqual({
      tips: [MINE, BEAS, CYS],
      resolution: { how: 'theirs', tip: BEAS },
    });
    expect(choose('gone', { take: 'follow' })).toEqual({ tips: [MINE], resolution: { how: 'follow', tip: null } });
    expect(choose('back', { take: 'follow', peer: 'Cy' })).toEqual({
      tips: [MINE, CYS],
      resolution: { how: 'follow', tip: CYS },
    });
  });

  it('is refused for a branch that is not among those that are listed, without saying that it is settled', () => {
    const flooded = { ...session, moreConflicts: { all: 137, diverged: 100, toSettle: 90 } };
    expect(() => resolutionOf(flooded, 'none', { take: 'mine' })).toThrow(
      /none is not among the 5 conflicts that are listed. Settle some of those first/,
    );
  });

  it('is refused where it does not fit, with what would', () => {
    for (const [branch, choice, hint] of [
      ['none', { take: 'mine' }, /nothing to settle on none/],
      ['main', { take: 'follow' }, /another way there, not back/],
      ['gone', { take: 'mine' }, /Take follow/],
      ['three', { take: 'theirs' }, /--peer: Bea, Dan, Cy/],
      ['main', { take: 'theirs', peer: 'Eve' }, /Eve has no side.*Bea/],
    ] as const) {
      expect(refused(branch, choice)).toThrow(hint);
      expect(reasonOf(refused(branch, choice))).toBe('bad-request');
    }
  });
});

describe('what is shown on a terminal', () => {
  it('says what happened, to whom, and who is at it', () => {
    const lines = session.conflicts.map(conflictLine);
    expect(lines).toEqual([
      'main has diverged: Bea went another way',
      'three has diverged: Bea, Dan, Cy went another way',
      'back was moved back by Bea, Dan; yours stays',
      'back was moved back by Cy; yours stays',
      'gone was deleted by Bea; yours stays',
    ]);
    expect(conflictLine(someConflict({ resolving: [{ name: 'Bea', since: 1 }] }))).toMatch(/\(Bea is settling it\)$/);
  });

  it('shows files that need a decision, and how to go on', () => {
    const side = { tip: MINE, owners: [], mine: true, commits: [], moreCommits: true, changedFiles: 1, changes: [] };
    const detail = {
      kind: 'diverged' as const,
      branch: 'main',
      bases: [],
      sides: [side, { ...side, tip: BEAS, owners: ['Bea'], mine: false, moreCommits: false }],
      files: [
        { path: 'f', kinds: ['content' as const], theirs: BEAS, related: [] },
        { path: 'g', kinds: [], theirs: BEAS, related: [] },
      ],
      moreFiles: false,
      resolving: [{ name: 'Bea', since: 1 }],
    };
    expect(detailLines({ ...detail, outcome: 'conflicts' })).toEqual([
      'you at 33333333:',
      '  and more',
      'Bea at 44444444:',
      'These files need a decision:',
      '  f  (content)',
      'Bea is settling it now.',
    ]);
    expect(detailLines({ ...detail, files: [], outcome: 'clean' })).toContain(
      'Merges by itself: peerweave resolve main --take merge.',
    );
  });
});
