import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeActions, replacement } from '../../../extension/src/p2p/lsp/code-actions.ts';
import { codeLenses } from '../../../extension/src/p2p/lsp/code-lenses.ts';
import { diagnosticsOf } from '../../../extension/src/p2p/lsp/diagnostics.ts';
import { hoverAt } from '../../../extension/src/p2p/lsp/hovers.ts';
import { linesOf, peerRegions } from '../../../extension/src/p2p/lsp/line-diff.ts';
import { mergePrompt } from '../../../extension/src/p2p/lsp/merge-prompts.ts';
import { deedText, whoText } from '../../../extension/src/p2p/lsp/prompt-text.ts';
import { NO_PROMPTS, type DivergencePrompt } from '../../../extension/src/p2p/lsp/prompt.ts';
import { edited } from '../../support/text-edits.ts';

const TIP = '3f2a91c000000000000000000000000000000000';
const target = { repo: '/repo', branch: 'main', tip: TIP, path: 'f' };
const prompt = (more: Partial<DivergencePrompt> = {}): DivergencePrompt => ({
  deed: 'lines',
  span: { start: 3, end: 5 },
  contested: false,
  names: ['bob'],
  commit: TIP,
  theirs: ['theirs'],
  target,
  ...more,
});
const document = { uri: 'file:///f', version: 1, lineCount: 9, languageId: 'c' };

describe('words', () => {
  it('say who did what', () => {
    expect(deedText(prompt())).toBe('bob changed these lines in 3f2a91c');
    expect(deedText(prompt({ theirs: [], names: ['bob', 'eve'] }))).toBe('bob and eve deleted these lines in 3f2a91c');
    expect(deedText(prompt({ span: { start: 3, end: 3 } }))).toBe('bob added lines here in 3f2a91c');
    expect(whoText(['bob', 'eve', 'mia'])).toBe('bob and 2 others');
    expect(whoText([])).toBe('A peer');
  });

  it('[ED5] names are one line without icons, and not too long', () => {
    expect(whoText(['$(zap)\nbob\u202e'])).toBe('$\u200b(zap) bob');
    expect(whoText(['x'.repeat(100)])).toBe(`${'x'.repeat(40)}…`);
  });
});

describe('lenses and diagnostics', () => {
  it('stay within the document', () => {
    const prompts = {
      ...NO_PROMPTS,
      divergences: [prompt({ span: { start: 9, end: 9 } }), prompt({ span: { start: 7, end: 12 } })],
    };
    for (const { range } of codeLenses(document, prompts)) expect(range.start.line).toBeLessThan(9);
    for (const { range } of diagnosticsOf(prompts, 9)) expect(range.end.line).toBeLessThan(9);
    expect(codeLenses({ ...document, lineCount: 0 }, prompts)[0]?.range.start.line).toBe(0);
  });

  it('say that there is more than is shown', () => {
    expect(codeLenses(document, { ...NO_PROMPTS, more: true })).toHaveLength(1);
  });
});

describe('hovers', () => {
  it('show a part of what is long, and plain text to an editor that reads no Markdown', () => {
    const theirs = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    const shown = hoverAt({ ...NO_PROMPTS, divergences: [prompt({ theirs })] }, 4, document, false)?.contents;
    const value = (shown as { value: string }).value.split('\n');
    expect(shown).toMatchObject({ kind: 'plaintext' });
    expect([value[0], value.at(-2), value.at(-1)]).toEqual([
      'bob changed these lines in 3f2a91c',
      'line 39',
      'and 10 more lines',
    ]);
  });
});

describe('taking lines', () => {
  it('applied to the text, an edit of every region of theirs gives what taking their lines gives', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 8 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, text, (base, mine, theirs) => {
        const lines = linesOf(theirs);
        const found = peerRegions(linesOf(base), linesOf(mine), lines).toReversed();
        let expected = linesOf(mine);
        let result = mine;
        for (const region of found) {
          const taken = lines.slice(region.theirs.start, region.theirs.end);
          const lineCount = linesOf(result).length;
          expected = expected.toSpliced(region.mine.start, region.mine.end - region.mine.start, ...taken);
          result = edited(result, [replacement({ ...document, lineCount }, region.mine, taken)]);
        }
        // A text has at least one line, be it empty.
        expect(linesOf(result)).toEqual(expected.length === 0 ? [''] : expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is offered for the lines that are asked about', () => {
    const prompts = { ...NO_PROMPTS, divergences: [prompt(), prompt({ deed: 'file', span: { start: 0, end: 1 } })] };
    const at = (line: number): string[] => {
      const position = { line, character: 2 };
      return codeActions(document, prompts, { start: position, end: position }).map(({ title }) => title);
    };
    expect(at(4)[0]).toBe('Use these lines of bob');
    expect(at(0)).toEqual(['Compare with the version of bob', 'Take all of bob', 'Resolve…']);
    expect(at(2)).toEqual([]);
  });
});

describe('a merge with markers', () => {
  const label = 'peerweave/merging/bob-3f2a91c';
  const marked = `a\n<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> ${label}\n`;
  const merge = {
    root: '/repo',
    branch: 'main',
    ours: TIP,
    theirs: TIP,
    label,
    owners: ['bob'],
    files: [
      { path: 'f', state: 'markers' as const },
      { path: 'g', state: 'markers' as const },
      { path: 'p.png', state: 'unmerged' as const },
    ],
  };
  const seen = (texts: Record<string, string>, path = 'f', files = merge.files) =>
    mergePrompt({ repo: '/repo', merge: { ...merge, files } }, path, (one) => texts[one]);

  it('counts what is open as it is on the screen, and the rest as it is on the disk', () => {
    expect(seen({ f: marked })).toMatchObject({ left: 3, blocks: [{ start: 1, middle: 3, end: 5 }] });
    expect(seen({ f: 'settled\n' })).toMatchObject({ left: 2, blocks: [] });
    expect(seen({ f: 'settled\n', g: 'settled\n', 'p.png': '?' })).toMatchObject({ left: 1 });
    expect(seen({ f: marked }, 'f', [{ path: 'f', state: 'resolved' as never }])).toMatchObject({ left: 1 });
  });

  it('says nothing on files that are no part of it, nor on markers of somebody else', () => {
    expect(seen({ other: marked }, 'other')).toBeUndefined();
    expect(seen({ f: marked.replace(label, 'feature') })).toMatchObject({ blocks: [] });
  });
});
