import { describe, expect, it } from 'vitest';
import { comparedFiles } from '../../../extension/src/views/comparison.ts';
import { oidOf, someDetail, someFile, someSide } from '../../support/conflict-details.ts';

describe('compared files', () => {
  it('are all that one of two sides changed, and say who has them', () => {
    const mine = someSide({
      changes: [
        { path: 'both', change: 'modified' },
        { path: 'mine', change: 'added' },
        { path: 'gone-here', change: 'deleted' },
      ],
    });
    const theirs = someSide({
      tip: oidOf('4'),
      mine: false,
      changes: [
        { path: 'both', change: 'modified' },
        { path: 'theirs', change: 'added' },
        { path: 'gone-there', change: 'deleted' },
      ],
    });
    const third = someSide({ tip: oidOf('5'), mine: false, changes: [{ path: 'other', change: 'added' }] });
    const detail = someDetail({ sides: [mine, theirs, third], files: [someFile({ path: 'both' })] });
    expect(comparedFiles(detail, oidOf('4'))).toEqual([
      { path: 'both', there: true, here: true },
      { path: 'gone-here', there: true, here: false },
      { path: 'gone-there', there: false, here: true },
      { path: 'mine', there: false, here: true },
      { path: 'theirs', there: true, here: false },
    ]);
  });

  it('are those of the conflict where the sides tell of no changes', () => {
    const detail = someDetail({ files: [someFile({ path: 'b' }), someFile({ path: 'a' })] });
    expect(comparedFiles(detail, oidOf('4')).map(({ path }) => path)).toEqual(['a', 'b']);
  });
});
