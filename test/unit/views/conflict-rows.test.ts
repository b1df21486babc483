import { describe, expect, it } from 'vitest';
import type { Known, LookUp } from '../../../extension/src/views/conflict-details.ts';
import { conflictRows } from '../../../extension/src/views/conflict-rows.ts';
import type { Row } from '../../../extension/src/views/row.ts';
import { oidOf, someDetail, someFile, someSide } from '../../support/conflict-details.ts';
import { someConflict, someSession, stateWith } from '../../support/session-views.ts';

const times = { now: 1_300_000, full: (ms: number) => `t${ms}` };
const unread: LookUp = () => undefined;
const read =
  (known: Known): LookUp =>
  () =>
    known;
const rows = (lookUp: LookUp, ...sessions: Parameters<typeof stateWith>): readonly Row[] =>
  conflictRows(stateWith(...sessions), lookUp, times);
const inside = (known: Known, part: Parameters<typeof someConflict>[0] = {}): readonly Row[] =>
  rows(read(known), someSession({ conflicts: [someConflict(part)] }))[0]?.children ?? [];
const flat = (list: readonly Row[]): Row[] => list.flatMap((row) => [row, ...flat(row.children ?? [])]);

const rewound = someConflict({ kind: 'rewound-there', branch: 'topic' });
const deleted = someConflict({
  kind: 'deleted-there',
  branch: 'old',
  candidates: [{ oid: oidOf('5'), owners: ['Ada'], mine: true }],
  deletedBy: ['Bea'],
});

describe('conflicts tree', () => {
  it('has no rows without a conflict, so that the welcome text shows', () => {
    expect(rows(unread, someSession())).toEqual([]);
    expect(rows(unread, someSession({ phase: 'ended', conflicts: [someConflict()] }))).toEqual([]);
    expect(
      conflictRows({ ...stateWith(someSession({ conflicts: [someConflict()] })), trusted: false }, unread, times),
    ).toEqual([]);
  });

  it('[CO1] names the branch and whose sides there are, before anything is read', () => {
    expect(rows(unread, someSession({ conflicts: [someConflict()] }))).toMatchObject([
      {
        label: 'main',
        description: 'you ↔ Bea',
        context: 'conflict.diverged',
        lazy: true,
        expanded: true,
        accessible: 'Conflict on main: you and Bea',
        target: { branch: 'main', tip: oidOf('4') },
      },
    ]);
  });

  it('[SY7] tells what peers moved back or deleted, below what blocks a branch', () => {
    const list = rows(unread, someSession({ conflicts: [rewound, deleted, someConflict()] }));
    expect(list.map(({ label, description, context }) => [label, description, context])).toEqual([
      ['main', 'you ↔ Bea', 'conflict.diverged'],
      ['topic', 'Bea moved it back; yours stays', 'conflict.rewound-there'],
      ['old', 'Bea deleted it; yours stays', 'conflict.deleted-there'],
    ]);
    expect(list[2]?.target).toEqual({ repo: '/repos/demo', branch: 'old' });
  });

  it('opens the only conflict by itself, and of several none', () => {
    const two = rows(unread, someSession({ conflicts: [someConflict(), someConflict({ branch: 'topic' })] }));
    expect(two.map(({ expanded }) => expanded)).toEqual([undefined, undefined]);
  });

  it('[CO1] has sides with their commits, then the files to settle, then the others', () => {
    const list = inside({ detail: someDetail() });
    expect(list.map(({ label, description, context }) => [label, description, context])).toEqual([
      ['You', '1 commit · 5 min ago · 3333333', 'candidate.mine.diverged'],
      ['Bea', '1 commit · 5 min ago · 4444444', 'candidate.theirs.diverged'],
      ['To settle', '1 file', 'files'],
      ['Merge by themselves', '1 file', 'files'],
    ]);
    expect(list[0]?.children?.[0]).toMatchObject({ label: 'Weave', description: 'Ada · 5 min ago', context: 'commit' });
    expect(list[2]).toMatchObject({ expanded: true });
    expect(list[2]?.children).toMatchObject([
      {
        label: 'loom.ts',
        description: 'src · both changed it',
        context: 'file.conflicting',
        command: 'peerweave.compare',
        target: { branch: 'main', tip: oidOf('4'), path: 'src/loom.ts' },
      },
    ]);
    expect(list[3]?.expanded).toBe(false);
  });

  it('lists the files that a side changed, below its commits', () => {
    const changes = [
      { path: 'a/b.ts', change: 'added' as const },
      { path: 'c.ts', change: 'deleted' as const },
    ];
    const sides = [someSide(), someSide({ tip: oidOf('4'), owners: ['Bea'], mine: false, changedFiles: 3, changes })];
    const files = inside({ detail: someDetail({ sides }) })[1]?.children?.[1];
    expect(files).toMatchObject({ label: 'Changed files', description: '3' });
    expect(files?.expanded).toBeUndefined();
    expect(files?.children?.map(({ label, description, icon }) => [label, description, icon])).toEqual([
      ['b.ts', 'a · added', 'diff-added'],
      ['c.ts', 'deleted', 'diff-removed'],
      ['…', 'and 1 file more', 'blank'],
    ]);
    expect(files?.children?.[0]).toMatchObject({
      command: 'peerweave.compare',
      target: { tip: oidOf('4'), path: 'a/b.ts' },
    });
  });

  it.each([
    [someDetail(), '1 file'],
    [someDetail({ moreFiles: true }), '1 file or more'],
    [someDetail({ outcome: 'clean', files: [] }), 'merges by itself'],
    [someDetail({ outcome: 'unrelated', files: [] }), 'no common history'],
  ])('says on the branch how the merge comes out', (detail, words) => {
    const [row] = rows(read({ detail }), someSession({ conflicts: [someConflict()] }));
    expect(row?.description).toBe(`you ↔ Bea · ${words}`);
  });

  it('[CO5] shows who is at it, but not that we are ourselves', () => {
    const resolving = [
      { name: 'Ada', since: 0 },
      { name: 'Cy', since: 1_000_000 },
    ];
    const list = inside({ detail: someDetail() }, { resolving });
    expect(list[0]).toMatchObject({ label: 'Cy is resolving it', description: 'since 5 min', context: 'resolving' });
    const [row] = rows(unread, someSession({ conflicts: [someConflict({ resolving })] }));
    expect(row?.description).toBe('you ↔ Bea · Cy is at it');
  });

  it('[CO3] shows what the strategy does, or why it waits', () => {
    const known = { detail: someDetail() };
    expect(inside(known, { strategy: 'auto-merge', settling: 'unclean' })[0]).toMatchObject({
      label: 'Auto-Merge',
      description: 'waits for you: the files do not merge by themselves',
      command: 'peerweave.setStrategy',
    });
    const [row] = rows(
      unread,
      someSession({ conflicts: [someConflict({ strategy: 'auto-merge', settling: 'under-way' })] }),
    );
    expect(row?.icon).toBe('sync~spin');
  });

  it('keeps the sides when the rest cannot be read, and says why', () => {
    const list = inside({ failure: 'The engine ended.' });
    expect(list.map(({ label }) => label)).toEqual(['You', 'Bea', 'Could not be read']);
    expect(list[2]).toMatchObject({ description: 'The engine ended.', command: 'peerweave.refreshConflicts' });
  });

  it('lists no more files than people read, and says how many there are besides', () => {
    const files = Array.from({ length: 502 }, (_, i) => someFile({ path: `f${i}` }));
    const group = inside({ detail: someDetail({ files }) })[2];
    expect(group?.description).toBe('502 files');
    expect(group?.children).toHaveLength(501);
    expect(group?.children?.at(-1)?.description).toBe('and 2 files more');
  });

  it('ends with how many there are that are not listed, and how to come to them', () => {
    const session = someSession({
      conflicts: [rewound, someConflict()],
      moreConflicts: { all: 137, diverged: 100, toSettle: 90 },
    });
    const list = rows(unread, session);
    expect(list).toHaveLength(3);
    expect(list[2]).toMatchObject({
      label: '…',
      description: 'and 137 more: settle some of these first',
      context: 'more',
    });
    expect(list.map(({ expanded }) => expanded)).toEqual([undefined, undefined, undefined]);
    const [group] = rows(unread, session, someSession({ repo: '/repos/other', conflicts: [deleted] }));
    expect(group?.accessible).toBe('demo, 139 conflicts');
  });

  it('gives every row an id of its own, which outlives a push', () => {
    const conflicts = [someConflict(), { ...someConflict(), kind: 'rewound-there' as const }, deleted];
    const state = [someSession({ conflicts }), someSession({ repo: '/repos/other', conflicts })] as const;
    const ids = flat(rows(read({ detail: someDetail() }), ...state)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const moved = someConflict({ candidates: [{ oid: oidOf('9'), owners: ['Bea'], mine: false }] });
    expect(rows(unread, someSession({ conflicts: [moved] }))[0]?.id).toBe(
      rows(unread, someSession({ conflicts: [someConflict()] }))[0]?.id,
    );
  });

  it('[ED5] neutralises text of peers wherever it shows', () => {
    const nasty = '$(flame) [x](command:evil)';
    const sides = [
      someSide({
        commits: [{ oid: oidOf('3'), author: nasty, time: 1, subject: nasty }],
        changes: [{ path: nasty, change: 'added' }],
      }),
      someSide({ tip: oidOf('4'), mine: false, owners: [nasty] }),
    ];
    const detail = someDetail({
      branch: nasty,
      sides,
      files: [someFile({ path: `${nasty}/${nasty}`, related: [nasty] })],
    });
    const conflict = someConflict({
      branch: nasty,
      candidates: [
        { oid: oidOf('3'), owners: ['Ada'], mine: true },
        { oid: oidOf('4'), owners: [nasty], mine: false },
      ],
      resolving: [{ name: nasty, since: 0 }],
    });
    const conflicts = [conflict, { ...deleted, branch: nasty, deletedBy: [nasty, nasty] }];
    for (const known of [{ detail }, { failure: nasty }]) {
      const list = rows(
        read(known),
        someSession({ repoName: nasty, conflicts }),
        someSession({ repo: '/b', conflicts }),
      );
      const shown = JSON.stringify(list, (key, value: unknown) =>
        key === 'id' || key === 'target' ? undefined : value,
      );
      expect(shown).not.toMatch(/\$\(|\]\(/);
    }
  });
});
