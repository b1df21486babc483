import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeBlock, escapeMarkdown } from '../../../extension/src/p2p/lsp/markdown.ts';

describe('[ED5] text of peers in Markdown', () => {
  it('nothing in a block of code ends it', () => {
    const line = fc.array(fc.constantFrom('`', '``', '```', '~~~', ' ', '\t', 'x', '<b>', '\r', '\u2028'), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        fc.array(
          line.map((parts) => parts.join('')),
          { maxLength: 8 },
        ),
        (lines) => {
          const [opening = '', ...rest] = codeBlock(lines, 'typescript').split('\n');
          const fence = /^(`{3,})typescript$/.exec(opening)?.[1] ?? '';
          expect(fence).not.toBe('');
          // A fence of at least that length, alone in its line, is what would end it (CommonMark 4.5).
          const ends = rest.map((text) => /^ {0,3}`+[ \t]*$/.test(text) && text.trim().length >= fence.length);
          expect(ends.indexOf(true)).toBe(rest.length - 1);
        },
      ),
    );
  });

  it('hidden and turning characters are seen, and a language is a name', () => {
    expect(codeBlock(['a\u202eb\u0000', '\tc'], 'x\n```')).toBe('```\na\ufffdb\ufffd\n\tc\n```');
  });

  it('a line of text begins nothing', () => {
    expect(escapeMarkdown('[a](command:b) <img> `c` *d* http://e f@g.h\n# i')).toBe(
      '\\[a\\]\\(command\\:b\\) \\<img\\> \\`c\\` \\*d\\* http\\:\\/\\/e f\\@g\\.h\ufffd\\# i',
    );
  });
});
