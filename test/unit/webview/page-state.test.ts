import { describe, expect, it } from 'vitest';
import type { ConflictDetail, ConflictFileDetail, FileVersion } from '../../../extension/src/rpc/conflicts.ts';
import { choose, takeWhole } from '../../../webview/resolve/draft.ts';
import {
  decide,
  fileState,
  heard,
  INITIAL,
  move,
  moveFile,
  resolutions,
  select,
  type PageState,
} from '../../../webview/resolve/state.ts';

const [MINE, THEIRS, NEWER] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
const side = (tip: string, mine: boolean) => ({
  tip,
  mine,
  owners: ['x'],
  commits: [],
  moreCommits: false,
  changedFiles: 1,
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
const pick = (state: PageState, which: 'mine' | 'theirs'): PageState =>
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
    state = pick(move(state, 1, true), 'theirs');
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
    const second = move(state, 1, false);
    expect(second.cursor).not.toBe(state.cursor);
    expect(move(second, 1, false).cursor).toBe(state.cursor);
    expect(move(state, -1, false).cursor).toBe(second.cursor);
    expect(moveFile(moveFile(state, 1), 1).selected).toBe('a.txt');
    expect(moveFile(state, -1).selected).toBe('b.bin');
  });

  it('[CO6] keeps what was decided when a peer pushes, and says so', () => {
    const decided = pick(opened(), 'mine');
    const moved = heard(decided, {
      type: 'conflict',
      repo: '/repos/demo',
      detail: detail(NEWER),
      draft: undefined,
      proposedMessage: 'Merge',
    });
    expect(moved.notice?.kind).toBe('info');
    expect(fileState(moved, 'a.txt').state).toBe('loading');
    const changed = { ...text, theirs: version('1\nt\n2\nother\n3\n') };
    const again = heard(moved, { type: 'file', theirs: NEWER, file: changed });
    // The first conflict is the same as before, the second is another.
    expect(fileState(again, 'a.txt')).toEqual({ state: 'open', open: 1 });
    expect(select(again, 'a.txt').cursor).toMatch(/^conflict-/);
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

  it('a file that one side deleted is decided as a whole', () => {
    const state = heard(opened(), { type: 'file', theirs: THEIRS, file: { ...text, theirs: null } });
    expect(fileState(state, 'a.txt')).toEqual({ state: 'open', open: 1 });
    const gone = decide(state, takeWhole(state.history.present, 'a.txt', { use: 'delete' }));
    expect(fileState(gone, 'a.txt').state).toBe('decided');
  });
});
