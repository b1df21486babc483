import { diffWordsWithSpace } from 'diff';

/** A stretch of text, and whether the other version lacks it. */
export interface Word {
  readonly text: string;
  readonly changed: boolean;
}

/** Past so many characters in both, words are not compared: the whole is shown as changed, at once. */
const MAX_COMPARED = 20_000;

/** What `changed` has that `base` has not, word by word. */
export function changedWords(base: string, changed: string): readonly Word[] {
  if (changed === '') return [];
  if (base.length + changed.length > MAX_COMPARED) return [{ text: changed, changed: true }];
  return diffWordsWithSpace(base, changed).flatMap(({ value, added, removed }) =>
    removed ? [] : [{ text: value, changed: added }],
  );
}
