import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-textarea/index.js';
import { render } from 'lit';
import type { FromPage, PageMemory, ToPage } from '../../extension/src/views/resolve-messages.ts';
import type { Actions } from './actions.ts';
import { back, choose, forth, takeWhole, type Draft } from './draft.ts';
import { heard, takeOffer } from './heard.ts';
import { editedText, onKey } from './keys.ts';
import { move, moveOn, moveToOpen, select } from './moves.ts';
import { resolutions, savedDraft } from './outcome.ts';
import { decide, INITIAL, tipsOf, type PageState } from './page-state.ts';
import { conflictPaths } from './stages.ts';
import { focusCursor, follow } from './scrolling.ts';
import { page } from './view.ts';

/**
 * The resolution page: draws the state, and makes a new state of every message, click and key. What was decided is told to the host at
 * each step, so that it outlives the page (CO6).
 */
declare function acquireVsCodeApi(): {
  postMessage(message: unknown): void;
  getState(): PageMemory | undefined;
  setState(memory: PageMemory): void;
};

/** Milliseconds that writing pauses for before it is told to the host. */
const WRITING_PAUSE = 200;

const host = acquireVsCodeApi();
const root = document.getElementById('page');
const asked = new Set<string>();
let repo = '';
let saving: ReturnType<typeof setTimeout> | undefined;
let state: PageState = beginning(host.getState());

function beginning(memory: PageMemory | undefined): PageState {
  return { ...INITIAL, selected: memory?.selected, cursor: memory?.cursor };
}

const say = (message: FromPage): void => host.postMessage(message);

/** `heard`: the host knows already. `writing`: more of the same comes with the next key. */
function to(next: PageState, how: 'done' | 'heard' | 'writing' = 'done'): void {
  const drafted = next.history.present !== state.history.present || next.message !== state.message;
  const moved = next.cursor !== state.cursor || next.selected !== state.selected;
  state = next;
  askForFile();
  if (drafted && how !== 'heard') save(how === 'writing' ? WRITING_PAUSE : 0);
  if (root !== null) render(page(state, actions), root);
  if (moved) {
    remember();
    focusCursor(state.cursor);
  }
  if (moved || drafted) follow();
}

function save(pause: number): void {
  clearTimeout(saving);
  saving = undefined;
  if (pause > 0) saving = setTimeout(() => save(0), pause);
  else say({ type: 'draft', draft: savedDraft(state) });
}

const flush = (): void => {
  if (saving !== undefined) save(0);
};

/** By this an editor that starts again finds the conflict, and the page where it was. */
function remember(): void {
  const { detail, selected, cursor } = state;
  if (detail === undefined) return;
  const place = { ...(selected === undefined ? {} : { selected }), ...(cursor === undefined ? {} : { cursor }) };
  host.setState({ repo, branch: detail.branch, ...place });
}

/** Files are read when they are looked at; Finish needs all of those that conflict, so these follow one by one. */
function askForFile(): void {
  const { detail, selected, offer } = state;
  // Of a branch that has moved there are other versions by now.
  if (detail === undefined || offer !== undefined) return;
  const wanted = conflictPaths(detail).sort((a, b) => Number(b.path === selected) - Number(a.path === selected));
  for (const { path, against } of wanted) {
    for (const theirs of against) {
      const key = `${tipsOf(detail).join()} ${theirs} ${path}`;
      if (asked.has(key)) continue;
      asked.add(key);
      say({ type: 'file', path, theirs });
      return;
    }
  }
}

function decided(change: (present: Draft, path: string) => Draft): void {
  const { selected, history } = state;
  if (selected !== undefined) to(decide(state, change(history.present, selected)));
}

const actions: Actions = {
  select: (path) => to(select(state, path)),
  go: (key) => {
    if (state.cursor !== key) to({ ...state, cursor: key });
  },
  choose: (key, choice) => decided((present, path) => choose(present, path, key, choice)),
  type: (key, text) => {
    const { selected, history } = state;
    if (selected === undefined) return;
    const next = choose(history.present, selected, key, { pick: 'edit', text });
    to(decide(state, next, `${selected} ${key}`), 'writing');
  },
  whole: (whole) => decided((present, path) => takeWhole(present, path, whole)),
  edit: (key) => {
    actions.choose(key, { pick: 'edit', text: editedText(state, key) });
    actions.go(key);
    document.querySelector<HTMLElement>('.region.here textarea')?.focus();
  },
  unfold: (key) => to({ ...state, unfolded: new Set(state.unfolded).add(key) }),
  undo: () => to({ ...state, history: back(state.history) }),
  redo: () => to({ ...state, history: forth(state.history) }),
  write: (message) => to({ ...state, message }, 'writing'),
  finish: () => {
    const files = resolutions(state);
    if (files === undefined || state.detail === undefined || state.busy) return;
    flush();
    say({ type: 'finish', tips: tipsOf(state.detail), files, message: state.message ?? state.proposedMessage });
    to({ ...state, busy: true, notice: undefined });
  },
  cancel: () => {
    flush();
    say({ type: 'cancel' });
  },
  compare: (path, theirs) => say({ type: 'compare', path, theirs }),
  move: (by) => to(move(state, by)),
  moveToOpen: () => to(moveToOpen(state)),
  moveOn: () => to(moveOn(state)),
  retry: (path) => {
    for (const key of asked) if (key.endsWith(` ${path}`)) asked.delete(key);
    const unreadable = new Map(state.unreadable);
    unreadable.delete(path);
    to({ ...state, unreadable });
  },
  takeOffer: (keep) => to(takeOffer(state, keep)),
};

window.addEventListener('keydown', (event) => onKey(event, { state, actions, to }));
window.addEventListener('pagehide', flush);
window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'conflict') repo = data.repo;
  const first = data.type === 'conflict' && state.detail === undefined;
  to(heard(state, data), 'heard');
  if (first) remember();
});
say({ type: 'ready' });
