import { describe, expect, it } from 'vitest';
import type { LoggedMove, UndoRefusal } from '../../../extension/src/p2p/repo/activity.ts';
import { describeUndoRefusal } from '../../../extension/src/p2p/session/undo-text.ts';
import type { BranchName, Oid } from '../../../extension/src/shared/ids.ts';

const oid = (digit: string): Oid => digit.repeat(40) as Oid;
const entry: LoggedMove = {
  id: '1-0',
  at: 0,
  kind: 'fast-forward',
  branch: 'main' as BranchName,
  from: oid('1'),
  to: oid('2'),
  by: 'Ada',
  worktree: undefined,
  undoes: undefined,
  undone: false,
};

describe('[SY13] why nothing was undone, in words that say what to do', () => {
  const cases: readonly (readonly [UndoRefusal, string])[] = [
    [{ kind: 'nothing' }, 'There is nothing to undo: no branch was moved for you that has not been put back.'],
    [{ kind: 'unknown' }, 'That move is not in the activity of this repository any more.'],
    [{ kind: 'undone', entry }, 'main was already put back. Undo that undo to have it again.'],
    [
      { kind: 'gone-on', entry, at: oid('3') },
      'main cannot be put back: it has gone on since, from 22222222 to 33333333. What came later would be lost.',
    ],
    [{ kind: 'gone-on', entry, at: null }, 'main cannot be put back: you have deleted it since.'],
    [
      { kind: 'gone-on', entry: { ...entry, to: null }, at: oid('3') },
      'main cannot be put back: it was made anew since, at 33333333.',
    ],
    [
      { kind: 'own-commit', entry },
      'main was merged by a commit of your own, which is yours to take back: git reset --keep 11111111 does.',
    ],
    [{ kind: 'pruned', entry }, 'main cannot be put back: git has removed commit 11111111, where it was.'],
    [
      { kind: 'move', entry, refusal: { kind: 'ref-moved' } },
      'main was not put back: it moved at this moment. Look at it, and try again.',
    ],
    [
      { kind: 'move', entry, refusal: { kind: 'checked-out', root: '/w' } },
      'main was not put back: it is checked out in /w; switch to another branch there first.',
    ],
    [
      { kind: 'move', entry, refusal: { kind: 'operation-in-progress', operation: 'merge' } },
      'main was not put back: a merge is in progress; finish or abort it.',
    ],
    [
      { kind: 'move', entry, refusal: { kind: 'disk-full', message: 'The disk is full.' } },
      'main was not put back: The disk is full.',
    ],
  ];
  it.each(cases)('%j', (refusal, text) => {
    expect(describeUndoRefusal(refusal)).toBe(text);
  });
});
