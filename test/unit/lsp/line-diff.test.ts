import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hunksOf, linesOf, peerRegions, type Span } from '../../../extension/src/p2p/lsp/line-diff.ts';

const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });
const at = (lines: readonly string[], { start, end }: Span): string[] => lines.slice(start, end);

function written(deed: string | undefined, side: string, line: number): string[] {
  if (deed === 'drop') return [];
  if (deed === 'change') return [`${side}-${line}`];
  return deed === 'insert' ? [`${side}-${line}`, `${line}`] : [`${line}`];
}

describe('lines', () => {
  it('are counted as an editor counts them', () => {
    expect(linesOf('a\r\nb\nc\rd\n')).toEqual(['a', 'b', 'c', 'd', '']);
    expect(linesOf('')).toEqual(['']);
  });
});

describe('hunks', () => {
  it('what is not in a hunk is the same on both sides, and what is makes one of the other', () => {
    fc.assert(
      fc.property(text, text, (base, changed) => {
        const rebuilt: string[] = [];
        let last = 0;
        for (const hunk of hunksOf(base, changed)) {
          expect(hunk.base.start).toBeGreaterThanOrEqual(last + (last > 0 ? 1 : 0));
          rebuilt.push(...base.slice(last, hunk.base.start));
          expect(rebuilt.length).toBe(hunk.changed.start);
          rebuilt.push(...at(changed, hunk.changed));
          last = hunk.base.end;
        }
        expect([...rebuilt, ...base.slice(last)]).toEqual(changed);
      }),
    );
  });

  it('a text that has nothing of the other is one hunk, however long', () => {
    const [base, changed] = ['x', 'y'].map((letter) => Array.from({ length: 6_000 }, (_, i) => `${letter}${i}`));
    const all = { start: 0, end: 6_000 };
    expect(hunksOf(base ?? [], changed ?? [])).toEqual([{ base: all, changed: all }]);
  });
});

describe("a peer's changes in the buffer", () => {
  const base = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

  it('are found below what the user has written, and say where both changed the same lines', () => {
    const mine = ['mine', '0', '1', '2', '3', '4', '5', 'mine', '7', '8', '9'];
    const theirs = ['1', '2', 'theirs', '4', '5', 'theirs', '7', '8', '9', 'more'];
    expect(peerRegions(base, mine, theirs)).toEqual([
      { base: { start: 2, end: 3 }, mine: { start: 4, end: 5 }, theirs: { start: 2, end: 3 }, contested: false },
      { base: { start: 5, end: 6 }, mine: { start: 7, end: 8 }, theirs: { start: 5, end: 6 }, contested: true },
      { base: { start: 9, end: 9 }, mine: { start: 11, end: 11 }, theirs: { start: 9, end: 10 }, contested: false },
    ]);
  });

  it('changes that touch are one, as git merges them', () => {
    const mine = base.toSpliced(3, 1, 'mine');
    const theirs = base.toSpliced(4, 1, 'theirs');
    expect(peerRegions(base, mine, theirs)).toMatchObject([{ mine: { start: 3, end: 5 }, contested: true }]);
  });

  it('what both did alike is nothing to tell', () => {
    const both = base.toSpliced(4, 2, 'both');
    expect(peerRegions(base, both, both)).toEqual([]);
    expect(peerRegions(base, base.toSpliced(1, 1, 'mine'), base)).toEqual([]);
  });

  it('taking every region of theirs leaves nothing of theirs to take, and what only we changed is ours', () => {
    /** What a side did at each of the base's lines; every line it wrote is like no other. */
    const deed = fc.constantFrom('keep', 'keep', 'keep', 'drop', 'change', 'insert');
    const sides = fc.array(fc.tuple(deed, deed), { maxLength: 12 });
    fc.assert(
      fc.property(sides, (deeds) => {
        const from = deeds.map((_, i) => `${i}`);
        const [mine = [], theirs = []] = [0, 1].map((side) =>
          deeds.flatMap((pair, i) => written(pair[side], `${side}`, i)),
        );
        let merged = [...mine];
        for (const region of peerRegions(from, mine, theirs).toReversed()) {
          const { start, end } = region.mine;
          if (!region.contested) expect(at(mine, region.mine)).toEqual(at(from, region.base));
          merged = merged.toSpliced(start, end - start, ...at(theirs, region.theirs));
        }
        expect(peerRegions(from, merged, theirs)).toEqual([]);
        for (const [i, [ours, other]] of deeds.entries()) {
          const alone = [i - 1, i + 1].every((line) => (deeds[line] ?? []).every((done) => done === 'keep'));
          if (alone && ours === 'change' && other === 'keep') expect(merged).toContain(`0-${i}`);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('without changes of ours they are where they are', () => {
    fc.assert(
      fc.property(text, text, (from, theirs) => {
        for (const { base: there, mine, contested } of peerRegions(from, from, theirs))
          expect([mine, contested]).toEqual([there, false]);
      }),
    );
  });
});
