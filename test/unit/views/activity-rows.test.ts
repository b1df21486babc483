import { describe, expect, it } from 'vitest';
import type { Activity } from '../../../extension/src/views/activity-log.ts';
import { activityRows } from '../../../extension/src/views/activity-rows.ts';
import { lastMove, undoInWords } from '../../../extension/src/views/activity-words.ts';
import type { Row } from '../../../extension/src/views/row.ts';
import { someEntry } from '../../support/activity-entries.ts';
import { oidOf } from '../../support/conflict-details.ts';
import { someSession, stateWith } from '../../support/session-views.ts';

const times = { now: 1_300_000, full: (ms: number) => `t${ms}` };
const rows = (activity: Activity | undefined, ...sessions: Parameters<typeof stateWith>): readonly Row[] =>
  activityRows(stateWith(...sessions), () => activity, times);
const entries = (...list: Parameters<typeof someEntry>[0][]): Activity => ({ entries: list.map(someEntry) });

describe('activity view', () => {
  it('has no rows outside of a session, nor before it was read', () => {
    expect(rows(entries({}))).toEqual([]);
    expect(rows(entries({}), someSession({ phase: 'ended' }))).toEqual([]);
    expect(rows(undefined, someSession())).toEqual([]);
  });

  it('[SY13] tells what moved, by whom, when and from where to where, and offers to undo it', () => {
    expect(rows(entries({}), someSession())).toMatchObject([
      {
        label: 'main moved forward',
        description: 'Bea · 5 min ago · 1111111 → 2222222',
        context: 'activity.undoable',
        accessible: 'main moved forward, by Bea, 5 min ago',
        target: { repo: '/repos/demo', branch: 'main', entry: 'e1' },
      },
    ]);
  });

  it.each([
    [{ kind: 'created', from: null }, 'main appeared', 'Bea · 5 min ago · nothing → 2222222'],
    [{ kind: 'follow', to: null }, 'main was deleted', 'Bea · 5 min ago · 1111111 → nothing'],
    [{ kind: 'resolve', by: undefined }, 'main was settled', 'you · 5 min ago · 1111111 → 2222222'],
    [{ kind: 'undo', by: undefined }, 'main was put back', 'you · 5 min ago · 1111111 → 2222222'],
    [{ undone: true, undoable: false }, 'main moved forward', 'undone · Bea · 5 min ago · 1111111 → 2222222'],
  ] as const)('says it in words: %j', (part, label, description) => {
    const entry = someEntry(part);
    expect(rows({ entries: [entry] }, someSession())).toMatchObject([{ label, description }]);
  });

  it('offers no undo where the branch has gone on', () => {
    expect(rows(entries({ undoable: false }), someSession())[0]?.context).toBe('activity');
  });

  it('says why it could not be read', () => {
    expect(rows({ failure: 'The engine ended.' }, someSession())).toMatchObject([
      { label: 'Could not be read', description: 'The engine ended.' },
    ]);
  });

  it('gives every row an id of its own, also with several sessions', () => {
    const list = rows(entries({}, { id: 'e2' }), someSession(), someSession({ repo: '/repos/other' }));
    const ids = list.flatMap((row) => [row, ...(row.children ?? [])]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
  });

  it("says of the user's own commit how it is taken back, and offers no undo", () => {
    const [row] = rows(entries({ kind: 'own-merge', by: undefined, undoable: false }), someSession());
    expect(row).toMatchObject({ label: 'main was merged with markers', context: 'activity' });
    expect(row?.tooltip).toMatch(/A commit of your own: git reset --keep 1111111 takes it back\.$/);
  });

  it('[ED5] neutralises text of peers wherever it shows', () => {
    const nasty = '$(flame) [x](command:evil)';
    for (const activity of [entries({ branch: nasty, by: nasty }), { failure: nasty }]) {
      const shown = JSON.stringify(
        rows(activity, someSession({ repoName: nasty }), someSession({ repo: '/b' })),
        (key, value: unknown) => (key === 'id' || key === 'target' ? undefined : value),
      );
      expect(shown).not.toMatch(/\$\(|\]\(/);
    }
  });
});

describe('undo in words', () => {
  it('is about the newest move that was not put back', () => {
    const undone = someEntry({ id: 'e3', undone: true });
    const undo = someEntry({ id: 'e4', kind: 'undo', undoes: 'e3' });
    expect(lastMove([undo, undone, someEntry()])?.id).toBe('e1');
    expect(lastMove([undo, undone])).toBeUndefined();
  });

  it("leaves the user's own commits to them", () => {
    const own = someEntry({ id: 'e5', kind: 'own-merge', undoable: false });
    expect(lastMove([own, someEntry()])?.id).toBe('e1');
  });

  it('says where the branch goes', () => {
    expect(undoInWords(someEntry())).toMatch(/^main goes back from 2222222 to 1111111/);
    expect(undoInWords(someEntry({ from: null }))).toBe('main is deleted here again.');
    expect(undoInWords(someEntry({ to: null, from: oidOf('5') }))).toBe('main is back at 5555555.');
  });
});
