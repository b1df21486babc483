import type { Range, TextEdit } from 'vscode-languageserver/node';

/** A text with edits that do not overlap, from the last to the first. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const offset = ({ line, character }: Range['start']): number => {
    const start = starts[line];
    if (start === undefined) return text.length;
    const end = (starts[line + 1] ?? text.length + 1) - 1;
    return Math.min(start + character, end);
  };
  const spans = edits.map(({ range, newText }) => ({ from: offset(range.start), to: offset(range.end), newText }));
  return spans
    .sort((a, b) => b.from - a.from)
    .reduce((result, { from, to, newText }) => result.slice(0, from) + newText + result.slice(to), text);
}
