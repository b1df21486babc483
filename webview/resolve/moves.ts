import { conflictPaths, isOpen } from './stages.ts';
import { drafted, fileState, firstOpen, stops, type PageState } from './page-state.ts';

/** Where a person goes on the page: from change to change, from conflict to conflict, from file to file. */

/** Goes to the change after (or before) the present one, round and round. */
export function move(state: PageState, by: 1 | -1): PageState {
  if (state.selected === undefined) return state;
  const all = stops(state, state.selected);
  const here = all.findIndex(({ key }) => key === state.cursor);
  const next = all[(here + by + all.length) % all.length];
  return next === undefined ? state : { ...state, cursor: next.key };
}

/** After a decision: to the next open conflict of the same file, round and round; another file comes when it is wanted. */
export function moveOn(state: PageState): PageState {
  const key = openAfter(state) ?? openBefore(state);
  return key === undefined ? state : { ...state, cursor: key };
}

/** Goes to the next conflict that is open: in this file, then in those after it, then from the top. */
export function moveToOpen(state: PageState): PageState {
  const after = openAfter(state);
  if (after !== undefined) return { ...state, cursor: after };
  if (state.selected === undefined || state.detail === undefined) return state;
  const paths = conflictPaths(state.detail).map(({ path }) => path);
  const at = paths.indexOf(state.selected);
  const others = [...paths.slice(at + 1), ...paths.slice(0, at)];
  const next = others.find((path) => fileState(state, path).state !== 'decided');
  return next === undefined ? moveOn(state) : select(state, next);
}

const openAfter = (state: PageState): string | undefined => openIn(state, (index, here) => index > here);
const openBefore = (state: PageState): string | undefined => openIn(state, (index, here) => index <= here);

function openIn(state: PageState, fits: (index: number, here: number) => boolean): string | undefined {
  const path = state.selected;
  if (path === undefined) return undefined;
  const file = drafted(state, path);
  const all = file.whole === undefined ? stops(state, path) : [];
  const here = all.findIndex(({ key }) => key === state.cursor);
  return all.find((region, index) => fits(index, here) && isOpen(region, file))?.key;
}

/** Goes to another conflicting file. */
export function moveFile(state: PageState, by: 1 | -1): PageState {
  if (state.detail === undefined) return state;
  const paths = conflictPaths(state.detail).map(({ path }) => path);
  const at = paths.indexOf(state.selected ?? '');
  const selected = paths[(at + by + paths.length) % paths.length];
  return selected === undefined ? state : select(state, selected);
}

export function select(state: PageState, path: string): PageState {
  const next = { ...state, selected: path, cursor: undefined };
  return { ...next, cursor: firstOpen(next, path) };
}
