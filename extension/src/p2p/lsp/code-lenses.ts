import type { CodeLens, Command } from 'vscode-languageserver/node';
import { removedLines } from '../repo/conflict-markers.ts';
import { blockChoices, deedText, leftText, theirsText } from './prompt-text.ts';
import type { DivergencePrompt, DocumentPrompts, MergePrompt } from './prompt.ts';

/** A document as its lenses see it. */
export interface LensDocument {
  readonly uri: string;
  readonly version: number;
  readonly lineCount: number;
}

/** The lenses of a document. Those that do something run commands of the editor with a `conflictTarget`; the others only say. */
export function codeLenses(document: LensDocument, { divergences, more, merge }: DocumentPrompts): CodeLens[] {
  const at = (line: number, command: Command): CodeLens => {
    const position = { line: Math.min(line, Math.max(0, document.lineCount - 1)), character: 0 };
    return { range: { start: position, end: position }, command };
  };
  return [
    ...(merge === undefined ? [] : mergeLenses(document, merge).map(([line, command]) => at(line, command))),
    ...(more ? [at(0, saying('Peers changed more of this file than is shown here'))] : []),
    ...divergences.flatMap((prompt) => divergenceCommands(prompt).map((command) => at(prompt.span.start, command))),
  ];
}

/** An empty command is text (vscode.d.ts has no other way to say so). */
const saying = (title: string): Command => ({ title, command: '' });

function divergenceCommands(prompt: DivergencePrompt): Command[] {
  const run = (title: string, command: string): Command => ({ title, command, arguments: [prompt.target] });
  return [
    saying(deedText(prompt)),
    run('Compare', 'peerweave.compare'),
    run('Take theirs', 'peerweave.takeTheirs'),
    run('Resolve…', 'peerweave.resolve'),
  ];
}

function mergeLenses(document: LensDocument, merge: MergePrompt): [line: number, command: Command][] {
  const { blocks, left, target } = merge;
  const first: Command =
    left === 0
      ? { title: `Complete merge (${theirsText(merge)})`, command: 'peerweave.completeMerge', arguments: [target] }
      : saying(leftText(merge));
  const abort: Command = { title: 'Abort merge', command: 'peerweave.abortMerge', arguments: [target] };
  return [
    ...(blocks.length === 0 ? [first, abort].map((command): [number, Command] => [0, command]) : []),
    ...blocks.flatMap((block) =>
      blockChoices(merge).map(([choice, title]): [number, Command] => [
        block.start,
        {
          title,
          command: 'peerweave.takeBlock',
          arguments: [{ uri: document.uri, version: document.version, remove: removedLines(block, choice) }],
        },
      ]),
    ),
  ];
}
