import { peerText } from '../../shared/peer-text.ts';
import type { BlockChoice } from '../repo/conflict-markers.ts';
import type { DivergencePrompt, MergePrompt } from './prompt.ts';

const MAX_NAMES = 2;
const MAX_NAME_LENGTH = 40;
const ZERO_WIDTH_SPACE = '\u200b';

/** A peer's name in a lens or an action (ED5). Editors draw `$(name)` in there as an icon; a space without width in it ends that. */
export function nameText(name: string): string {
  const line = peerText(name);
  const short = line.length > MAX_NAME_LENGTH ? `${line.slice(0, MAX_NAME_LENGTH)}…` : line;
  return short.replaceAll('$(', `$${ZERO_WIDTH_SPACE}(`);
}

/** `bob`, `bob and eve`, `bob and 3 others`. */
export function whoText(names: readonly string[]): string {
  const [first = 'A peer', second] = names.map(nameText);
  if (second === undefined) return first;
  return names.length > MAX_NAMES ? `${first} and ${names.length - 1} others` : `${first} and ${second}`;
}

export const shortOid = (oid: string): string => oid.slice(0, 7);

/** `bob changed these lines in 3f2a91c`. */
export function deedText(prompt: DivergencePrompt): string {
  return `${whoText(prompt.names)} ${deed(prompt)} in ${shortOid(prompt.commit)}`;
}

function deed({ deed, span, theirs }: DivergencePrompt): string {
  switch (deed) {
    case 'lines':
      if (theirs.length === 0) return 'deleted these lines';
      return span.start === span.end ? 'added lines here' : 'changed these lines';
    case 'file':
      return 'changed this file';
    case 'added-file':
      return 'added this file too';
    case 'deleted-file':
      return 'deleted this file';
    case 'renamed-file':
      return 'renamed this file';
  }
}

/** The same with what it means, for a diagnostic. */
export function warningText(prompt: DivergencePrompt): string {
  const { contested } = prompt;
  return `${deedText(prompt)}${contested ? ', and you changed them too: this will not merge by itself.' : '.'}`;
}

/** Whose the other side of a merge is: `bob, 3f2a91c`. */
export const theirsText = ({ names, target }: MergePrompt): string => `${whoText(names)}, ${shortOid(target.tip)}`;

/** What can be done about one conflict of a merge. */
export const blockChoices = (merge: MergePrompt): readonly (readonly [BlockChoice, string])[] => [
  ['mine', 'Keep mine'],
  ['theirs', `Take theirs (${theirsText(merge)})`],
  ['both', 'Take both'],
];

/** What is left to do in a merge, for the first line of its files. */
export function leftText({ names, left }: MergePrompt): string {
  return `${left === 1 ? '1 file' : `${left} files`} left in the merge with ${whoText(names)}`;
}
