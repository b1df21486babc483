import { CodeActionKind, type CodeAction, type Range, type TextEdit } from 'vscode-languageserver/node';
import { removedLines, type BlockChoice, type MarkerBlock } from '../repo/conflict-markers.ts';
import { blockChoices, theirsText, whoText } from './prompt-text.ts';
import type { DivergencePrompt, DocumentPrompts, MergePrompt } from './prompt.ts';
import type { LensDocument } from './code-lenses.ts';
import { END_OF_LINE } from './diagnostics.ts';
import type { Span } from './line-diff.ts';

/** What can be done about the lines of `range`: the same as by the lenses, and taking single lines into the buffer. */
export function codeActions(document: LensDocument, prompts: DocumentPrompts, range: Range): CodeAction[] {
  const meets = ({ start, end }: Span): boolean =>
    start <= range.end.line && Math.max(end, start + 1) > range.start.line;
  return [
    ...prompts.divergences.filter(({ span }) => meets(span)).flatMap((prompt) => divergenceActions(document, prompt)),
    ...(prompts.merge === undefined ? [] : mergeActions(document, prompts.merge, meets)),
  ];
}

function divergenceActions(document: LensDocument, prompt: DivergencePrompt): CodeAction[] {
  const { deed, span, theirs, target, names } = prompt;
  const who = whoText(names);
  const run = (title: string, command: string): CodeAction => ({
    title,
    kind: CodeActionKind.QuickFix,
    command: { title, command, arguments: [target] },
  });
  return [
    ...(deed === 'lines' ? [edits(document, `Use these lines of ${who}`, [replacement(document, span, theirs)])] : []),
    run(`Compare with the version of ${who}`, 'peerweave.compare'),
    run(`Take all of ${who}`, 'peerweave.takeTheirs'),
    run('Resolve…', 'peerweave.resolve'),
  ];
}

function mergeActions(document: LensDocument, merge: MergePrompt, meets: (span: Span) => boolean): CodeAction[] {
  const touched = merge.blocks.filter(({ start, end }) => meets({ start, end: end + 1 }));
  const complete = `Complete merge (${theirsText(merge)})`;
  return [
    ...touched.flatMap((block) =>
      blockChoices(merge).map(([choice, title]) => edits(document, title, removal(block, choice))),
    ),
    ...(merge.left === 0
      ? [
          {
            title: complete,
            kind: CodeActionKind.QuickFix,
            command: { title: complete, command: 'peerweave.completeMerge', arguments: [merge.target] },
          },
        ]
      : []),
  ];
}

function edits({ uri, version }: LensDocument, title: string, changes: TextEdit[]): CodeAction {
  const edit = { documentChanges: [{ textDocument: { uri, version }, edits: changes }] };
  return { title, kind: CodeActionKind.QuickFix, edit };
}

const removal = (block: MarkerBlock, choice: BlockChoice): TextEdit[] =>
  removedLines(block, choice).map(([from, to]) => ({ range: lineRange(from, to), newText: '' }));

/** Puts lines in place of others. The last line of a document has no end of its own, so there the one before it is replaced too. */
export function replacement({ lineCount }: LensDocument, { start, end }: Span, lines: readonly string[]): TextEdit {
  const text = lines.map((line) => `${line}\n`).join('');
  if (end < lineCount) return { range: lineRange(start, end), newText: text };
  const newText = text.replace(/\n$/, '');
  if (start === 0) return { range: lineRange(0, lineCount), newText };
  const before = { line: start - 1, character: END_OF_LINE };
  return {
    range: { start: before, end: { line: lineCount, character: 0 } },
    newText: lines.length === 0 ? '' : `\n${newText}`,
  };
}

const lineRange = (start: number, end: number): Range => ({
  start: { line: start, character: 0 },
  end: { line: end, character: 0 },
});
