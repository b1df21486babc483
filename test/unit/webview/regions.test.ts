import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  back,
  begin,
  choose,
  EMPTY_DRAFT,
  fileDraft,
  forth,
  resultText,
  step,
} from '../../../webview/resolve/draft.ts';
import { lineChanges } from '../../../webview/resolve/line-changes.ts';
import { regionsOf, type Region } from '../../../webview/resolve/regions.ts';
import { isOpen } from '../../../webview/resolve/stages.ts';
import { wordsOf, type Word } from '../../../webview/resolve/words.ts';

const text = fc
  .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\r\n', '\n'), { maxLength: 12 })
  .map((lines) => lines.join(''));
const side = (regions: readonly Region[], which: 'base' | 'mine' | 'theirs'): string =>
  regions.flatMap((region) => region[which]).join('');
const kinds = (base: string, mine: string, theirs: string): string[] =>
  regionsOf(base, mine, theirs).map(({ kind }) => kind);

describe('regions of three versions', () => {
  it('put together again give every version back, whatever the texts', () => {
    fc.assert(
      fc.property(text, text, text, fc.boolean(), (base, mine, theirs, open) => {
        const end = open ? 'no line end' : '';
        const regions = regionsOf(base + end, mine + end, theirs);
        expect(side(regions, 'base')).toBe(base + end);
        expect(side(regions, 'mine')).toBe(mine + end);
        expect(side(regions, 'theirs')).toBe(theirs);
        expect(new Set(regions.map(({ key }) => key)).size).toBe(regions.length);
      }),
      { numRuns: 500 },
    );
  });

  it('tell who changed what', () => {
    expect(kinds('a\nb\nc\n', 'a\nb\nc\n', 'a\nb\nc\n')).toEqual(['same']);
    expect(kinds('a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\n')).toEqual(['mine', 'same', 'theirs']);
    expect(kinds('a\nb\nc\n', 'a\nX\nc\n', 'a\nX\nc\n')).toEqual(['same', 'agreed', 'same']);
    expect(kinds('a\nb\nc\n', 'a\nX\nc\n', 'a\nY\nc\n')).toEqual(['same', 'conflict', 'same']);
    expect(kinds('', 'x\n', 'y\n')).toEqual(['conflict']);
    expect(kinds('', '', '')).toEqual([]);
  });

  it('that touch are one conflict, as in git’s own merge', () => {
    expect(kinds('a\nb\nc\nd\n', 'a\nX\nc\nd\n', 'a\nb\nY\nd\n')).toEqual(['same', 'conflict', 'same']);
  });

  it('name the lines that they begin at', () => {
    const [, conflict] = regionsOf('a\nb\n', 'new\na\nX\n', 'a\nY\n').filter(({ kind }) => kind !== 'same');
    expect(conflict).toMatchObject({ kind: 'conflict', at: { base: 2, mine: 3, theirs: 2 } });
  });
});

describe('changes between lines', () => {
  const applied = (base: readonly string[], changed: readonly string[]): string[] => {
    const result: string[] = [];
    let [at, there] = [0, 0];
    for (const { start, end, added } of lineChanges(base, changed)) {
      result.push(...base.slice(at, start));
      there += start - at;
      result.push(...changed.slice(there, there + added));
      there += added;
      at = end;
    }
    return [...result, ...base.slice(at)];
  };
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { maxLength: 60 });

  it('applied to the one text give the other, whatever the texts', () => {
    fc.assert(
      fc.property(lines, lines, (base, changed) => {
        expect(applied(base, changed)).toEqual(changed);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are found in long texts that have little in common, without comparing everything with everything', () => {
    const base = Array.from({ length: 20_000 }, (_, n) => `line ${n}`);
    const changed = base.map((line, n) => (n % 2 === 0 ? `other ${line}` : line));
    expect(lineChanges(base, changed)).toHaveLength(10_000);
    // Lines that repeat have no anchors among them: replaced whole, rather than standing still.
    const noise = (salt: number): string[] => Array.from({ length: 20_000 }, (_, n) => `${(n * salt) % 97}`);
    expect(applied(noise(31), noise(57))).toEqual(noise(57));
  });
});

describe('a draft', () => {
  const regions = regionsOf('1\nb\n2\n', '1\nmine\n2\n', '1\ntheirs\n2\n');
  const conflict = regions.find(({ kind }) => kind === 'conflict')!;
  const result = (pick: 'mine' | 'theirs' | 'mine-theirs' | 'theirs-mine' | 'base'): string | undefined =>
    resultText(regions, fileDraft(choose(EMPTY_DRAFT, 'f', conflict.key, { pick }), 'f'));

  it('has no result while a conflict is open', () => {
    expect(resultText(regions, fileDraft(EMPTY_DRAFT, 'f'))).toBeUndefined();
    expect(regions.filter((region) => isOpen(region, fileDraft(EMPTY_DRAFT, 'f')))).toEqual([conflict]);
  });

  it('takes one side, both in either order, neither, or what was typed', () => {
    expect(result('mine')).toBe('1\nmine\n2\n');
    expect(result('theirs')).toBe('1\ntheirs\n2\n');
    expect(result('mine-theirs')).toBe('1\nmine\ntheirs\n2\n');
    expect(result('theirs-mine')).toBe('1\ntheirs\nmine\n2\n');
    expect(result('base')).toBe('1\nb\n2\n');
    const edited = choose(EMPTY_DRAFT, 'f', conflict.key, { pick: 'edit', text: 'typed\n' });
    expect(resultText(regions, fileDraft(edited, 'f'))).toBe('1\ntyped\n2\n');
  });

  it('does not glue two versions together where a file lacks its last line end', () => {
    const ends = regionsOf('x', 'mine', 'theirs');
    const draft = choose(EMPTY_DRAFT, 'f', ends[0]!.key, { pick: 'mine-theirs' });
    expect(resultText(ends, fileDraft(draft, 'f'))).toBe('mine\ntheirs');
  });

  it('merges by itself exactly when nothing conflicts, and then has the changes of both', () => {
    fc.assert(
      fc.property(text, text, (base, mine) => {
        expect(resultText(regionsOf(base, mine, base), fileDraft(EMPTY_DRAFT, 'f'))).toBe(mine);
        expect(resultText(regionsOf(base, base, mine), fileDraft(EMPTY_DRAFT, 'f'))).toBe(mine);
        expect(resultText(regionsOf(base, mine, mine), fileDraft(EMPTY_DRAFT, 'f'))).toBe(mine);
      }),
    );
  });

  it('goes back and forth, and forgets what was undone when something else is done', () => {
    const [one, two, three] = ['mine', 'theirs', 'base'].map((pick) =>
      choose(EMPTY_DRAFT, 'f', conflict.key, { pick: pick as 'mine' }),
    );
    const history = step(step(begin(EMPTY_DRAFT), one!), two!);
    expect(back(history).present).toBe(one);
    expect(forth(back(history)).present).toBe(two);
    expect(back(back(back(history))).present).toBe(EMPTY_DRAFT);
    expect(forth(step(back(history), three!)).present).toBe(three);
  });

  it('is found again when the file is cut anew because a peer pushed elsewhere in it [CO6]', () => {
    const before = regionsOf('1\nb\n2\n3\n4\n', '1\nmine\n2\n3\n4\n', '1\ntheirs\n2\n3\n4\n');
    const after = regionsOf('1\nb\n2\n3\n4\n', '1\nmine\n2\n3\n4\n', '1\ntheirs\n2\n3\nFOUR\n');
    const draft = choose(EMPTY_DRAFT, 'f', before.find(({ kind }) => kind === 'conflict')!.key, { pick: 'mine' });
    expect(resultText(after, fileDraft(draft, 'f'))).toBe('1\nmine\n2\n3\nFOUR\n');
  });
});

describe('words', () => {
  const joined = (words: readonly Word[]): string => words.map(({ text: part }) => part).join('');
  const changed = (words: readonly Word[]): string[] =>
    words.filter((word) => word.changed).map(({ text: part }) => part);
  const only = (base: string, mine: string, theirs: string): Region => regionsOf(base, mine, theirs)[0]!;

  it('mark what each side has that the base lacks, and what of the base some side lacks', () => {
    const words = wordsOf(only('the quick brown fox\n', 'the slow brown fox\n', 'the quick brown dog\n'));
    expect(changed(words.mine)).toEqual(['slow']);
    expect(changed(words.theirs)).toEqual(['dog']);
    expect(changed(words.base)).toEqual(['quick', 'fox']);
  });

  it('put together give every version back', () => {
    fc.assert(
      fc.property(text, text, text, (base, mine, theirs) => {
        for (const region of regionsOf(base, mine, theirs)) {
          const words = wordsOf(region);
          for (const which of ['base', 'mine', 'theirs'] as const) {
            expect(joined(words[which])).toBe(region[which].join(''));
          }
        }
      }),
    );
  });

  it('of very long texts are not compared one by one', () => {
    const long = 'x '.repeat(30_000);
    const words = wordsOf(only(long, `${long}y`, `${long}z`));
    expect(words.mine).toEqual([{ text: `${long}y`, changed: true }]);
    expect(changed(words.base)).toEqual([]);
  });
});
