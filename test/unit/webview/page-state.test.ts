import { describe, expect, it } from 'vitest';
import type { ConflictDetail, ConflictFileDetail, FileVersion } from '../../../extension/src/rpc/conflicts.ts';
import type { ToPage } from '../../../extension/src/views/resolve-messages.ts';
import { choose, EMPTY_DRAFT, takeWhole } from '../../../webview/resolve/draft.ts';
import { heard, takeOffer } from '../../../webview/resolve/heard.ts';
import { move, moveFile, moveOn, moveToOpen, select } from '../../../webview/resolve/moves.ts';
import { resolutions } from '../../../webview/resolve/outcome.ts';
import { decide, fileState, INITIAL, type PageState } from '../../../webview/resolve/page-state.ts';

const [MINE, THEIRS, NEWER] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
const side = (tip: string, mine: boolean) => ({
  tip,
  mine,
  owners: ['x'],
  commits: [],
  moreCommits: false,
  changedFiles: 1,
  changes: [],
});
const detail = (theirs = THEIRS, paths = ['a.txt', 'b.bin']): ConflictDetail => ({
  kind: 'diverged',
  branch: 'main',
  bases: ['0'.repeat(40)],
  sides: [side(MINE, true), side(theirs, false)],
  outcome: 'conflicts',
  files: [
    ...paths.map((path) => ({ path, kinds: ['content' as const], theirs, related: [] })),
    { path: 'clean.txt', kinds: [], theirs, related: [] },
  ],
  moreFiles: false,
  resolving: [],
});
const version = (text: string): FileVersion => ({ mode: '100644', bytes: text.length, kind: 'text', text });
const binary: FileVersion = { mode: '100644', bytes: 3, kind: 'binary' };
const text: ConflictFileDetail = {
  path: 'a.txt',
  base: version('1\nb\n2\nc\n3\n'),
  mine: version('1\nm\n2\nmm\n3\n'),
  theirs: version('1\nt\n2\ntt\n3\n'),
};
const opened = (): PageState => {
  const first = heard(INITIAL, {
    type: 'conflict',
    repo: '/repos/demo',
    detail: detail(),
    draft: undefined,
    proposedMessage: 'Merge',
  });
  const second = heard(first, { type: 'file', theirs: THEIRS, file: text });
  return heard(second, {
    type: 'file',
    theirs: THEIRS,
    file: { path: 'b.bin', base: binary, mine: binary, theirs: binary },
  });
};
const pick = (state: PageState, which: 'mine' | 'theirs' | 'mine-theirs'): PageState =>
  decide(state, choose(state.history.present, state.selected!, state.cursor!, { pick: which }));

describe('the resolution page', () => {
  it('begins at the first conflict of the first file that has one', () => {
    const state = opened();
    expect(state.selected).toBe('a.txt');
    expect(fileState(state, 'a.txt')).toEqual({ state: 'open', open: 2 });
    expect(state.cursor).toMatch(/^conflict-/);
    expect(resolutions(state)).toBeUndefined();
  });

  it('finishes when every file is decided, and sends only those that do not merge by themselves', () => {
    let state = pick(opened(), 'mine');
    state = pick(moveOn(state), 'theirs');
    expect(fileState(state, 'a.txt').state).toBe('decided');
    expect(resolutions(state)).toBeUndefined();
    state = moveFile(state, 1);
    expect(state.selected).toBe('b.bin');
    expect(fileState(state, 'b.bin')).toEqual({ state: 'open', open: 1 });
    state = decide(state, takeWhole(state.history.present, 'b.bin', { use: 'side', tip: THEIRS }));
    expect(resolutions(state)).toEqual([
      { path: 'a.txt', use: 'text', text: '1\nm\n2\ntt\n3\n' },
      { path: 'b.bin', use: 'side', tip: THEIRS },
    ]);
  });

  it('goes round through the conflicts and the files', () => {
    const state = opened();
    const second = move(state, 1);
    expect(second.cursor).not.toBe(state.cursor);
    expect(move(second, 1).cursor).toBe(state.cursor);
    expect(move(state, -1).cursor).toBe(second.cursor);
    expect(moveFile(moveFile(state, 1), 1).selected).toBe('a.txt');
    expect(moveFile(state, -1).selected).toBe('b.bin');
  });

  const pushed = (state: PageState): PageState =>
    heard(state, {
      type: 'conflict',
      repo: '/repos/demo',
      detail: detail(NEWER),
      draft: undefined,
      proposedMessage: 'New',
    });
  const changed = { ...text, theirs: version('1\nt\n2\nother\n3\n') };

  it('[CO6] offers to go on when a peer pushes, and until then shows what is being decided', () => {
    const decided = pick(opened(), 'mine');
    const moved = pushed(decided);
    expect(moved.detail).toBe(decided.detail);
    expect(fileState(moved, 'a.txt')).toEqual({ state: 'open', open: 1 });
    expect(moved.offer?.detail.sides[1]?.tip).toBe(NEWER);
    // What is finished must be what is shown, and that is not the branch any more.
    const all = decide(moved, takeWhole(moved.history.present, 'a.txt', { use: 'delete' }));
    expect(resolutions(decide(all, takeWhole(all.history.present, 'b.bin', { use: 'delete' })))).toBeUndefined();
  });

  it('[CO6] goes on with what was decided wherever the same lines still conflict', () => {
    const decided = pick(moveOn(pick(opened(), 'mine')), 'theirs');
    const whole = decide(decided, takeWhole(decided.history.present, 'b.bin', { use: 'side', tip: THEIRS }));
    const moved = takeOffer(pushed(whole), true);
    expect(moved.offer).toBeUndefined();
    expect(fileState(moved, 'a.txt').state).toBe('loading');
    // That version of theirs is not on offer any more.
    expect(fileState(moved, 'b.bin').state).toBe('loading');
    const again = heard(moved, { type: 'file', theirs: NEWER, file: changed });
    // The first conflict is the same as before, the second is another.
    expect(fileState(again, 'a.txt')).toEqual({ state: 'open', open: 1 });
    expect(select(again, 'a.txt').cursor).toMatch(/^conflict-/);
  });

  it('starts over when that is wanted, and takes the new state at once when nothing was decided', () => {
    const over = takeOffer(pushed(pick(opened(), 'mine')), false);
    const again = heard(over, { type: 'file', theirs: NEWER, file: changed });
    expect(fileState(again, 'a.txt')).toEqual({ state: 'open', open: 2 });
    const undecided = pushed(opened());
    expect(undecided.offer).toBeUndefined();
    expect(undecided.detail?.sides[1]?.tip).toBe(NEWER);
  });

  it('takes no version of a side that is not shown any more', () => {
    const moved = pushed(opened());
    expect(heard(moved, { type: 'file', theirs: THEIRS, file: text }).files.size).toBe(0);
  });

  it('keeps why a file cannot be read, until it can', () => {
    const failed = heard(opened(), { type: 'failed', message: 'Gone.', path: 'a.txt', theirs: THEIRS });
    expect(failed.notice).toBeUndefined();
    expect(failed.unreadable.get('a.txt')).toBe('Gone.');
    expect(heard(failed, { type: 'file', theirs: THEIRS, file: text }).unreadable.size).toBe(0);
  });

  it('shows a conflict that comes after one that was settled', () => {
    const settled = heard(pick(opened(), 'mine'), { type: 'settled', message: 'Done.' });
    const again = pushed(settled);
    expect(again.settled).toBeUndefined();
    expect(again.history.past).toEqual([]);
  });

  it('[CO6] takes up a saved draft, but not over what is being decided', () => {
    const decided = pick(opened(), 'mine');
    const draft = { files: decided.history.present.files, message: 'Mine' };
    const fresh = heard(INITIAL, {
      type: 'conflict',
      repo: '/repos/demo',
      detail: detail(),
      draft,
      proposedMessage: 'Merge',
    });
    expect(fresh.message).toBe('Mine');
    const loaded = heard(fresh, { type: 'file', theirs: THEIRS, file: text });
    expect(fileState(loaded, 'a.txt')).toEqual({ state: 'open', open: 1 });
    const later = heard(decided, {
      type: 'conflict',
      repo: '/repos/demo',
      detail: detail(),
      draft: { files: {} },
      proposedMessage: 'Merge',
    });
    expect(later.history.present).toBe(decided.history.present);
  });

  it('goes to another file when the one that is shown conflicts no more', () => {
    const moved = heard(opened(), {
      type: 'conflict',
      repo: '/repos/demo',
      detail: detail(NEWER, ['b.bin']),
      draft: undefined,
      proposedMessage: '',
    });
    expect(moved.selected).toBe('b.bin');
  });

  it('goes to the next open conflict through all files, and round again', () => {
    const first = pick(opened(), 'mine');
    const second = moveToOpen(first);
    expect(second.selected).toBe('a.txt');
    const binary = moveToOpen(pick(second, 'mine'));
    expect(binary.selected).toBe('b.bin');
    const again = moveToOpen(decide(binary, takeWhole(EMPTY_DRAFT, 'b.bin', { use: 'delete' })));
    expect(again.selected).toBe('a.txt');
  });

  it('a text that is written is one step, whatever its length', () => {
    const typed = ['x', 'xy', 'xyz'].reduce(
      (state, written) =>
        decide(state, choose(state.history.present, 'a.txt', state.cursor!, { pick: 'edit', text: written }), 'a'),
      opened(),
    );
    expect(typed.history.past).toHaveLength(1);
  });

  it('a file that one side deleted is decided as a whole', () => {
    const state = heard(opened(), { type: 'file', theirs: THEIRS, file: { ...text, theirs: null } });
    expect(fileState(state, 'a.txt')).toEqual({ state: 'open', open: 1 });
    const gone = decide(state, takeWhole(state.history.present, 'a.txt', { use: 'delete' }));
    expect(fileState(gone, 'a.txt').state).toBe('decided');
  });
});

describe('a file that conflicts with several sides', () => {
  const [BOB, CY] = [THEIRS, NEWER];
  const three: ConflictDetail = {
    ...detail(BOB, []),
    sides: [side(MINE, true), side(BOB, false), side(CY, false)],
    files: [{ path: 'a.txt', kinds: ['content'], theirs: BOB, related: [], sides: [BOB, CY] }],
  };
  const against = (theirs: string, other: string): Extract<ToPage, { type: 'file' }> => ({
    type: 'file',
    theirs,
    file: { path: 'a.txt', base: version('1\nb\n2\n'), mine: version('1\nm\n2\n'), theirs: version(other) },
  });
  const begun = (): PageState => {
    const first = heard(INITIAL, {
      type: 'conflict',
      repo: '/r',
      detail: three,
      draft: undefined,
      proposedMessage: '',
    });
    // The parts come in any order.
    const half = heard(first, against(CY, '1\nc\n2\n'));
    expect(fileState(half, 'a.txt').state).toBe('loading');
    return heard(half, against(BOB, '1\nt\n2\n'));
  };

  it('is listed once and decided side by side, each against what the ones before came to', () => {
    let state = begun();
    expect(fileState(state, 'a.txt')).toEqual({ state: 'open', open: 2 });
    state = pick(state, 'mine-theirs');
    expect(fileState(state, 'a.txt')).toEqual({ state: 'open', open: 1 });
    expect(resolutions(state)).toBeUndefined();
    state = pick(moveOn(state), 'mine-theirs');
    expect(resolutions(state)).toEqual([{ path: 'a.txt', use: 'text', text: '1\nm\nt\nc\n2\n' }]);
  });

  it('asks again for what came after when an earlier decision changes', () => {
    const first = begun();
    const done = pick(moveOn(pick(first, 'mine')), 'theirs');
    expect(fileState(done, 'a.txt').state).toBe('decided');
    const other = pick({ ...done, cursor: first.cursor }, 'theirs');
    expect(fileState(other, 'a.txt')).toEqual({ state: 'open', open: 1 });
  });
});
