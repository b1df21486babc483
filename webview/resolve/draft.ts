import type { Region } from './regions.ts';

/** What a person has decided so far. Immutable, so that undo is going back to an earlier one. */

/** For one region. `base` takes neither side. */
export type Choice =
  | { readonly pick: 'mine' | 'theirs' | 'mine-theirs' | 'theirs-mine' | 'base' }
  | { readonly pick: 'edit'; readonly text: string };

/** For one file: region by region, or as a whole. */
export interface FileDraft {
  readonly choices: Readonly<Record<string, Choice>>;
  readonly whole?: { readonly use: 'side'; readonly tip: string } | { readonly use: 'delete' } | undefined;
}

export interface Draft {
  /** By path. */
  readonly files: Readonly<Record<string, FileDraft>>;
}

export const EMPTY_DRAFT: Draft = { files: {} };
const EMPTY_FILE: FileDraft = { choices: {} };

export const fileDraft = (draft: Draft, path: string): FileDraft => draft.files[path] ?? EMPTY_FILE;

/** Deciding region by region takes back a decision for the whole file. */
export function choose(draft: Draft, path: string, key: string, choice: Choice | undefined): Draft {
  const others = Object.entries(fileDraft(draft, path).choices).filter(([other]) => other !== key);
  const chosen = choice === undefined ? [] : [[key, choice] as const];
  return withFile(draft, path, { choices: Object.fromEntries([...others, ...chosen]) });
}

export const takeWhole = (draft: Draft, path: string, whole: FileDraft['whole']): Draft =>
  withFile(draft, path, { ...fileDraft(draft, path), whole });

const withFile = (draft: Draft, path: string, file: FileDraft): Draft => ({ files: { ...draft.files, [path]: file } });

/** The lines of a region by what was chosen; undefined for a conflict that is open. What one side alone changed is taken. */
export function linesFor(region: Region, choice: Choice | undefined): readonly string[] | undefined {
  if (choice === undefined) return byItself(region);
  switch (choice.pick) {
    case 'mine':
      return region.mine;
    case 'theirs':
      return region.theirs;
    case 'mine-theirs':
      return [...closed(region.mine), ...region.theirs];
    case 'theirs-mine':
      return [...closed(region.theirs), ...region.mine];
    case 'base':
      return region.base;
    case 'edit':
      return [choice.text];
  }
}

function byItself(region: Region): readonly string[] | undefined {
  switch (region.kind) {
    case 'same':
    case 'agreed':
    case 'mine':
      return region.mine;
    case 'theirs':
      return region.theirs;
    case 'conflict':
      return undefined;
  }
}

/** Lines that others follow end in a line end, also where the file did not. */
function closed(lines: readonly string[]): readonly string[] {
  const last = lines.at(-1);
  if (last === undefined || last.endsWith('\n')) return lines;
  return [...lines.slice(0, -1), `${last}\n`];
}

/** The file as decided; undefined while a conflict of it is open. */
export function resultText(regions: readonly Region[], { choices }: FileDraft): string | undefined {
  const parts: string[] = [];
  for (const region of regions) {
    const lines = linesFor(region, choices[region.key]);
    if (lines === undefined) return undefined;
    parts.push(...lines);
  }
  return parts.join('');
}

/** The same without decisions for versions of sides that are not there any more. */
export function withoutTips(draft: Draft, tips: readonly string[]): Draft {
  const files = Object.entries(draft.files).map(([path, file]): [string, FileDraft] => {
    const gone = file.whole?.use === 'side' && !tips.includes(file.whole.tip);
    return [path, gone ? { choices: file.choices } : file];
  });
  return { files: Object.fromEntries(files) };
}

/** Steps of a person, to go back and forth in. */
export interface History {
  readonly past: readonly Draft[];
  readonly present: Draft;
  readonly future: readonly Draft[];
  /** What the last step was part of; another of the same is no step of its own. */
  readonly group?: string | undefined;
}

/** A page that is worked in for long keeps so many steps. */
const MAX_STEPS = 200;

export const begin = (present: Draft): History => ({ past: [], present, future: [] });

export const step = ({ past, present, group: before }: History, next: Draft, group?: string): History => ({
  past: group !== undefined && group === before ? past : [...past, present].slice(-MAX_STEPS),
  present: next,
  future: [],
  group,
});

export const mapped = ({ past, present, future }: History, change: (draft: Draft) => Draft): History => ({
  past: past.map(change),
  present: change(present),
  future: future.map(change),
});

export function back(history: History): History {
  const last = history.past.at(-1);
  if (last === undefined) return history;
  return { past: history.past.slice(0, -1), present: last, future: [history.present, ...history.future] };
}

export function forth(history: History): History {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future };
}
