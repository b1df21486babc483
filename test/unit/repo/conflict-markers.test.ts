import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasMarkersOf,
  parseMarkers,
  removedLines,
  type BlockChoice,
  type MarkerBlock,
} from '../../../extension/src/p2p/repo/conflict-markers.ts';

const LABEL = 'peerweave/merging/bob-3f2a91c';
const zdiff3 = ['a', '<<<<<<< HEAD', 'mine', '||||||| 8751e8c', 'base', '=======', 'theirs', `>>>>>>> ${LABEL}`, 'z'];

/** What is left of a conflict's lines once it is decided. */
function chosenLines(lines: readonly string[], block: MarkerBlock, choice: BlockChoice): string[] {
  const gone = removedLines(block, choice);
  const isGone = (at: number): boolean => gone.some(([from, to]) => at >= from && at < to);
  return lines.slice(block.start, block.end + 1).filter((_, i) => !isGone(block.start + i));
}

describe('parsing', () => {
  it('finds a conflict with its base, and who is on which side', () => {
    const block = { start: 1, base: 3, middle: 5, end: 7, ours: 'HEAD', theirs: LABEL };
    expect(parseMarkers(zdiff3)).toEqual([block]);
    expect(parseMarkers(zdiff3.map((line) => `${line}\r`))).toEqual([block]);
    expect([chosenLines(zdiff3, block, 'mine'), chosenLines(zdiff3, block, 'theirs')]).toEqual([['mine'], ['theirs']]);
    expect(chosenLines(zdiff3, block, 'both')).toEqual(['mine', 'theirs']);
  });

  it('finds one without a base', () => {
    const plain = zdiff3.filter((_, at) => at !== 3 && at !== 4);
    expect(parseMarkers(plain)).toMatchObject([{ start: 1, base: undefined, middle: 3, end: 5 }]);
  });

  it('keeps the longer markers of a merge of merges in the base', () => {
    const nested = [
      '<<<<<<< HEAD',
      'mine',
      '||||||| merged common ancestors',
      '<<<<<<<<< Temporary merge branch 1',
      '||||||||| 1234567',
      '=========',
      '>>>>>>>>> Temporary merge branch 2',
      '=======',
      'theirs',
      `>>>>>>> ${LABEL}`,
    ];
    expect(parseMarkers(nested)).toMatchObject([{ start: 0, base: 2, middle: 7, end: 9 }]);
  });

  it('takes markers of another size, and begins anew where a conflict has no end', () => {
    const wide = ['<<<<<<<<<< HEAD', 'mine', '=======', '==========', 'theirs', `>>>>>>>>>> ${LABEL}`];
    expect(parseMarkers(wide)).toMatchObject([{ start: 0, middle: 3, end: 5 }]);
    expect(parseMarkers(['<<<<<<< HEAD', 'half', ...zdiff3])).toMatchObject([{ start: 3 }]);
    expect(parseMarkers(['=======', `>>>>>>> ${LABEL}`, '<<<<<<< HEAD', '======='])).toEqual([]);
  });

  it('every conflict that is written is found again, and either choice gives that side back', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '', '< less', '=====', '>>> quote', '<<<<<<<x', '|||'), {
      maxLength: 6,
    });
    const written = fc.record({ before: text, mine: text, base: fc.option(text), theirs: text });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 5 }), (conflicts) => {
        const lines = conflicts.flatMap(({ before, mine, base, theirs }) => [
          ...before,
          '<<<<<<< HEAD',
          ...mine,
          ...(base === null ? [] : ['||||||| 8751e8c', ...base]),
          '=======',
          ...theirs,
          `>>>>>>> ${LABEL}`,
        ]);
        const blocks = parseMarkers(lines);
        expect(blocks).toHaveLength(conflicts.length);
        for (const [i, block] of blocks.entries()) {
          expect(chosenLines(lines, block, 'mine')).toEqual(conflicts[i]?.mine);
          expect(chosenLines(lines, block, 'theirs')).toEqual(conflicts[i]?.theirs);
        }
      }),
    );
  });

  it('blocks of any lines at all are in order and do not overlap', () => {
    const line = fc.constantFrom('<<<<<<< a', '|||||||', '=======', '>>>>>>> b', '<<<<<<<<< a', '=========', 'x');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        let last = -1;
        for (const { start, base, middle, end } of parseMarkers(lines)) {
          const all = [last, start, ...(base === undefined ? [] : [base]), middle, end];
          expect(all.toSorted((a, b) => a - b)).toEqual(all);
          expect(new Set(all).size).toBe(all.length);
          last = end;
        }
      }),
    );
  });
});

describe('what is left', () => {
  it('any marker of the merge counts, also when the rest of its conflict is gone', () => {
    for (const at of [1, 3, 7]) {
      expect(hasMarkersOf(`x\n${zdiff3[at]}\ny\n`, LABEL)).toBe(true);
      expect(hasMarkersOf(`x\r\n${zdiff3[at]}\r\ny`, LABEL)).toBe(true);
    }
    expect(hasMarkersOf(zdiff3.join('\n'), LABEL)).toBe(true);
  });

  it('what only looks like a marker does not', () => {
    const texts = [
      'Title\n=======\n',
      '>>>>>>> somebody else\n',
      '<<<<<<< ours\n',
      '||||||| a table\n',
      '  <<<<<<< HEAD\n',
    ];
    for (const text of texts) expect(hasMarkersOf(text, LABEL)).toBe(false);
  });
});
