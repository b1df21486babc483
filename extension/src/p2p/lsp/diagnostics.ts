import { DiagnosticSeverity, type Diagnostic, type Range } from 'vscode-languageserver/node';
import type { Span } from './line-diff.ts';
import { warningText } from './prompt-text.ts';
import type { DocumentPrompts } from './prompt.ts';

export const DIAGNOSTIC_SOURCE = 'peerweave';

/** What is told about a document's lines: worth knowing where the user changed them too, a hint elsewhere. */
export function diagnosticsOf({ divergences }: DocumentPrompts, lineCount: number): Diagnostic[] {
  return divergences.map((prompt) => ({
    range: rangeOf(prompt.span, lineCount),
    severity: prompt.contested ? DiagnosticSeverity.Information : DiagnosticSeverity.Hint,
    source: DIAGNOSTIC_SOURCE,
    code: 'diverged',
    message: warningText(prompt),
  }));
}

/** Whole lines without the last line end; for a place between two lines the beginning of the second. Never beyond the document. */
export function rangeOf({ start, end }: Span, lineCount: number): Range {
  const last = Math.max(0, lineCount - 1);
  const first = { line: Math.min(start, last), character: 0 };
  if (start === end) return { start: first, end: first };
  return { start: first, end: { line: Math.min(end - 1, last), character: END_OF_LINE } };
}

/** A character beyond a line's end means its end (LSP, Position). */
export const END_OF_LINE = 1_000_000;
