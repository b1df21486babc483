import { describe, expect, it } from 'vitest';
import { notToChoose } from '../../../extension/src/views/conflict-words.ts';
import { someConflict, someSession } from '../../support/session-views.ts';

describe('why there is no conflict to choose', () => {
  it('is that it was settled, where all are listed', () => {
    expect(notToChoose(someSession(), 'main')).toBe('main is settled already.');
  });

  it('is not that it was settled, where more are than are listed', () => {
    const moreConflicts = { all: 137, diverged: 100, toSettle: 90 };
    const session = someSession({ conflicts: [someConflict()], moreConflicts });
    expect(notToChoose(session, 'topic\u202e')).toBe(
      'topic is not among the 1 conflicts that are listed. Settle some of those first.',
    );
  });
});
