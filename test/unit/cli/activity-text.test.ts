import { expect, it } from 'vitest';
import { activityText, undoneText } from '../../../extension/src/p2p/cli/activity-text.ts';
import type { ActivityEntry } from '../../../extension/src/rpc/conflicts.ts';

const own: ActivityEntry = {
  id: '12-0123456789abcdef',
  at: new Date(2026, 0, 2, 3, 4, 5).getTime(),
  kind: 'fast-forward',
  branch: 'main',
  from: '1'.repeat(40),
  to: '2'.repeat(40),
  undone: false,
  undoable: true,
};
const entry: ActivityEntry = { ...own, by: 'Ada' };

it('a move is one line, with the id that undo takes', () => {
  expect(activityText(entry)).toBe(
    '2026-01-02 03:04:05  fast-forward  main  11111111 → 22222222  by Ada  12-0123456789abcdef',
  );
  expect(activityText({ ...own, kind: 'follow', to: null, undone: true })).toBe(
    '2026-01-02 03:04:05  followed  main  11111111 → (none)  (undone)  12-0123456789abcdef',
  );
});

it('an undo says where the branch is now', () => {
  expect(undoneText(entry)).toBe('main is back at 11111111; it was at 22222222. Syncing leaves it so.');
  expect(undoneText({ ...entry, from: null })).toBe('main is gone again; it was at 22222222. Syncing leaves it so.');
});

it('[ED5] names are text: nothing in them steers the terminal', () => {
  expect(activityText({ ...entry, by: '\u001b[31mEve\u202e' })).toContain('by ?[31mEve?');
  expect(undoneText({ ...entry, branch: 'x\u0007' })).toContain('x? is back');
});
