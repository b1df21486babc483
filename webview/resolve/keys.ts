import type { Actions } from './actions.ts';
import { linesFor } from './draft.ts';
import { moveFile } from './moves.ts';
import { drafted, loadedFile, stops, type PageState } from './page-state.ts';
import { pickOf } from './region-view.ts';
import type { Region } from './regions.ts';
import { focusCursor } from './scrolling.ts';
import { conflictPaths, isCut } from './stages.ts';
import { wholeOptions } from './whole-view.ts';

/** What keys work with. */
export interface KeyContext {
  readonly state: PageState;
  readonly actions: Actions;
  readonly to: (next: PageState) => void;
}

/** Keys that act while no text is being written. */
const KEYS: Readonly<Record<string, (context: KeyContext) => void>> = {
  j: ({ actions }) => actions.move(1),
  k: ({ actions }) => actions.move(-1),
  n: ({ actions }) => actions.moveToOpen(),
  J: ({ state, to }) => to(moveFile(state, 1)),
  K: ({ state, to }) => to(moveFile(state, -1)),
  u: ({ actions }) => actions.undo(),
  e: ({ state, actions }) => {
    if (state.cursor !== undefined && regionAt(state) !== undefined) actions.edit(state.cursor);
  },
  c: compareHere,
  m: () => messageField()?.focus(),
  r: ({ actions }) => actions.takeOffer(true),
  Backspace: takeBack,
};

/** Acts on a key that was pressed anywhere on the page. */
export function onKey(event: KeyboardEvent, context: KeyContext): void {
  const { state, actions } = context;
  if (state.settled !== undefined) {
    if (event.key !== 'Escape' && event.key !== 'Enter') return;
    // Not to be pressed a second time by whatever has the focus.
    event.preventDefault();
    event.stopPropagation();
    return actions.cancel();
  }
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key === 'Enter') return actions.finish();
  const writes = event.composedPath().some((each) => each instanceof HTMLTextAreaElement);
  if (writes) {
    if (event.key === 'Escape') leaveText(event, state);
    return;
  }
  if (command && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    return event.shiftKey ? actions.redo() : actions.undo();
  }
  if (command || event.altKey) return;
  const act = /^[1-9]$/.test(event.key) ? pick(event.key) : KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act(context);
}

/** Out of a text that is written, back to the region: also where that is not where the focus was before. */
function leaveText(event: KeyboardEvent, { cursor }: PageState): void {
  const field = event.composedPath()[0];
  if (field instanceof HTMLElement) field.blur();
  focusCursor(cursor);
}

const messageField = (): HTMLElement | null => document.querySelector('footer vscode-textarea');

function regionAt(state: PageState): Region | undefined {
  const path = state.selected;
  if (path === undefined || drafted(state, path).whole !== undefined) return undefined;
  return stops(state, path).find(({ key }) => key === state.cursor);
}

/** A number takes what it stands for in the file that is shown: a version of the region, or of the whole file. */
const pick =
  (key: string) =>
  ({ state, actions }: KeyContext): void => {
    const path = state.selected;
    const loaded = path === undefined ? undefined : loadedFile(state, path);
    if (loaded === undefined || state.detail === undefined) return;
    if (!isCut(loaded)) {
      const option = wholeOptions({ detail: state.detail }, loaded)[Number(key) - 1];
      if (option !== undefined) actions.whole(option.whole);
      return;
    }
    const choice = pickOf(key);
    const region = regionAt(state);
    if (choice === undefined || region === undefined) return;
    actions.choose(region.key, choice);
    actions.moveOn();
  };

function compareHere({ state, actions }: KeyContext): void {
  const file = state.detail && conflictPaths(state.detail).find(({ path }) => path === state.selected);
  if (file !== undefined) actions.compare(file.path, file.against[0] ?? '');
}

function takeBack({ state, actions }: KeyContext): void {
  if (state.selected !== undefined && drafted(state, state.selected).whole !== undefined) actions.whole(undefined);
  else if (state.cursor !== undefined && regionAt(state) !== undefined) actions.choose(state.cursor, undefined);
}

/** What editing by hand begins with: what was chosen, or everything that there is. */
export function editedText(state: PageState, key: string): string {
  const path = state.selected ?? '';
  const region = stops(state, path).find((each) => each.key === key);
  if (region === undefined) return '';
  const choice = drafted(state, path).choices[key];
  return (linesFor(region, choice) ?? [...region.mine, ...region.theirs]).join('');
}
