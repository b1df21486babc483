/** Text of peers in Markdown, where none of it may mean anything (ED5). */

/** One line of text with every character that Markdown, HTML or an autolink could begin with made plain (CommonMark 2.4). */
export const escapeMarkdown = (text: string): string =>
  visible(text)
    .replace(/\s+/g, ' ')
    .replace(/[!-/:-@[-`{-~]/g, '\\$&');

/**
 * Lines as a block of code, which nothing in them can end: its fence is longer than any row of backticks there (CommonMark 4.5). `language`
 * is the editor's own name for it.
 */
export function codeBlock(lines: readonly string[], language: string): string {
  const text = lines.map(visible).join('\n');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([row]) => row.length));
  const fence = '`'.repeat(longest + 1);
  const name = /^[\w+#.-]{1,40}$/.test(language) ? language : '';
  return `${fence}${name}\n${text}\n${fence}`;
}

/** Characters that hide, or turn the reading direction, are shown as something that is there. Tabs are part of code. */
const visible = (text: string): string => text.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
