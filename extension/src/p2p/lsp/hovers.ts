import { MarkupKind, type Hover, type MarkupContent } from 'vscode-languageserver/node';
import { rangeOf } from './diagnostics.ts';
import { codeBlock, escapeMarkdown } from './markdown.ts';
import { deedText } from './prompt-text.ts';
import type { DivergencePrompt, DocumentPrompts } from './prompt.ts';

/** Lines of theirs that a hover shows; the rest is for the comparison. */
const MAX_LINES = 40;
const MAX_LINE_LENGTH = 500;

/** What the peers have at a line, as text that means nothing (ED5). `markdown` says whether the editor reads it. */
export function hoverAt(
  { divergences }: DocumentPrompts,
  line: number,
  document: { readonly lineCount: number; readonly languageId: string },
  markdown: boolean,
): Hover | null {
  const here = divergences.filter(({ span }) => span.start <= line && line < Math.max(span.end, span.start + 1));
  const [first] = here;
  if (first === undefined) return null;
  const contents: MarkupContent = markdown
    ? { kind: MarkupKind.Markdown, value: here.map((one) => asMarkdown(one, document.languageId)).join('\n\n') }
    : { kind: MarkupKind.PlainText, value: here.map(asPlainText).join('\n\n') };
  return { contents, range: rangeOf(first.span, document.lineCount) };
}

function asMarkdown(prompt: DivergencePrompt, languageId: string): string {
  const { lines, more } = shown(prompt);
  return [
    `${escapeMarkdown(deedText(prompt))}${lines.length > 0 ? ':' : ''}`,
    ...(lines.length > 0 ? [codeBlock(lines, languageId)] : []),
    ...(more > 0 ? [`and ${more} more lines`] : []),
  ].join('\n\n');
}

function asPlainText(prompt: DivergencePrompt): string {
  const { lines, more } = shown(prompt);
  return [deedText(prompt), ...lines, ...(more > 0 ? [`and ${more} more lines`] : [])].join('\n');
}

function shown({ theirs }: DivergencePrompt): { readonly lines: readonly string[]; readonly more: number } {
  const lines = theirs
    .slice(0, MAX_LINES)
    .map((line) => (line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line));
  return { lines, more: theirs.length - lines.length };
}
