import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-textarea/index.js';
import { render } from 'lit';
import type { FromPage, ToPage } from '../../extension/src/views/resolve-messages.ts';
import { back, choose, fileDraft, forth, takeWhole, type Choice } from './draft.ts';
import { pickOf } from './file-view.ts';
import {
  conflictingFiles,
  decide,
  heard,
  INITIAL,
  move,
  moveFile,
  resolutions,
  select,
  tipsOf,
  type PageState,
} from './state.ts';
import { page, type Actions } from './view.ts';

/**
 * The resolution page: draws the state, and makes a new state of every message, click and key. What was decided is told to the host at
 * each step, so that it outlives the page (CO6).
 */
declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const host = acquireVsCodeApi();
const root = document.getElementById('page');
const asked = new Set<string>();
let state: PageState = INITIAL;

const say = (message: FromPage): void => host.postMessage(message);

function to(next: PageState, keep = true): void {
  const drafted = next.history.present !== state.history.present || next.message !== state.message;
  const moved = next.cursor !== state.cursor || next.selected !== state.selected;
  state = next;
  askForFile();
  if (keep && drafted) saveDraft();
  if (root !== null) render(page(state, actions), root);
  if (moved) focusCursor();
}

function saveDraft(): void {
  const { files } = state.history.present;
  say({ type: 'draft', draft: { files, ...(state.message === undefined ? {} : { message: state.message }) } });
}

/** Files are read when they are looked at; Finish needs all of those that conflict, so these follow one by one. */
function askForFile(): void {
  const { detail, selected } = state;
  if (detail === undefined) return;
  const wanted = [...conflictingFiles(detail)].sort(
    (a, b) => Number(b.path === selected) - Number(a.path === selected),
  );
  for (const { path, theirs } of wanted) {
    const key = `${tipsOf(detail).join()} ${path}`;
    if (state.files.has(path) || asked.has(key)) continue;
    asked.add(key);
    say({ type: 'file', path, theirs });
    return;
  }
}

function focusCursor(): void {
  if (state.cursor === undefined) return;
  const region = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(state.cursor)}"]`);
  region?.focus({ preventScroll: true });
  region?.scrollIntoView({ block: 'nearest' });
}

const decided = (change: (path: string) => PageState['history']['present']): void => {
  if (state.selected !== undefined) to(decide(state, change(state.selected)));
};

const actions: Actions = {
  select: (path) => to(select(state, path)),
  go: (key) => {
    if (state.cursor !== key) to({ ...state, cursor: key });
  },
  choose: (key, choice) => decided((path) => choose(state.history.present, path, key, choice)),
  whole: (whole) => decided((path) => takeWhole(state.history.present, path, whole)),
  undo: () => to({ ...state, history: back(state.history) }),
  redo: () => to({ ...state, history: forth(state.history) }),
  write: (message) => to({ ...state, message }),
  finish: () => {
    const files = resolutions(state);
    if (files === undefined || state.detail === undefined || state.busy) return;
    say({ type: 'finish', tips: tipsOf(state.detail), files, message: state.message ?? state.proposedMessage });
    to({ ...state, busy: true });
  },
  cancel: () => say({ type: 'cancel' }),
  compare: ({ path, theirs }) => say({ type: 'compare', path, theirs }),
  next: (by) => to(move(state, by, false)),
};

/** Keys that act while no text is being written. */
const KEYS: Readonly<Record<string, () => void>> = {
  j: () => to(move(state, 1, false)),
  k: () => to(move(state, -1, false)),
  n: () => to(move(state, 1, true)),
  J: () => to(moveFile(state, 1)),
  K: () => to(moveFile(state, -1)),
  u: actions.undo,
  e: () => editHere(),
};

function editHere(): void {
  const loaded = state.selected === undefined ? undefined : state.files.get(state.selected);
  const region = loaded?.regions.find(({ key }) => key === state.cursor);
  if (region === undefined || state.selected === undefined) return;
  const present = fileDraft(state.history.present, state.selected).choices[region.key];
  const text = present?.pick === 'edit' ? present.text : [...region.mine, ...region.theirs].join('');
  actions.choose(region.key, { pick: 'edit', text });
  document.querySelector<HTMLElement>('.region.here textarea')?.focus();
}

function pickHere(choice: Choice): void {
  if (state.cursor === undefined) return;
  actions.choose(state.cursor, choice);
  to(move(state, 1, true));
}

window.addEventListener('keydown', (event) => {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key === 'Enter') return actions.finish();
  const writes = event.composedPath().some((each) => each instanceof HTMLTextAreaElement);
  if (writes) {
    if (event.key === 'Escape') focusCursor();
    return;
  }
  if (command && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    return event.shiftKey ? actions.redo() : actions.undo();
  }
  if (command || event.altKey) return;
  const pick = pickOf(event.key);
  if (pick !== undefined) return pickHere(pick);
  const act = KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'failed' && data.path === undefined) asked.clear();
  to(heard(state, data), false);
});
say({ type: 'ready' });
