import type { ConflictDetail } from '../../extension/src/rpc/conflicts.ts';
import type { ToPage } from '../../extension/src/views/resolve-messages.ts';
import { begin, EMPTY_DRAFT, mapped, withoutTips } from './draft.ts';
import { firstOpen, INITIAL, stops, tipsOf, type ConflictMessage, type PageState } from './page-state.ts';
import { conflictPaths } from './stages.ts';

/** What the host said. */
export function heard(state: PageState, message: ToPage): PageState {
  switch (message.type) {
    case 'conflict':
      return conflictArrived(state, message);
    case 'file':
      return fileArrived(state, message);
    case 'failed':
      return failed(state, message);
    case 'waiting':
      return state.detail === undefined ? { ...state, notice: { kind: 'info', text: message.message } } : state;
    case 'settled':
      return { ...state, busy: false, settled: message.message };
  }
}

function conflictArrived(before: PageState, message: ConflictMessage): PageState {
  // A branch that diverges again after it was settled begins anew.
  const state = before.settled === undefined ? before : { ...INITIAL, selected: before.selected };
  const { detail, draft, proposedMessage } = message;
  if (state.detail === undefined) {
    const history = draft === undefined ? state.history : begin(withoutTips({ files: draft.files }, tipsOf(detail)));
    return shown({ ...state, proposedMessage, message: draft?.message, history, notice: undefined }, detail);
  }
  if (tipsOf(state.detail).join() === tipsOf(detail).join()) {
    return { ...state, detail, proposedMessage, offer: undefined };
  }
  if (hasDecisions(state)) return { ...state, offer: message, busy: false };
  return taken(state, message, 'The branch has moved meanwhile: this is how it is now.');
}

/** Goes on with how the branch is now; with what was decided, wherever the same lines still conflict, or from the start. */
export function takeOffer(state: PageState, keep: boolean): PageState {
  if (state.offer === undefined) return state;
  const { detail } = state.offer;
  const history = keep ? mapped(state.history, (draft) => withoutTips(draft, tipsOf(detail))) : begin(EMPTY_DRAFT);
  const text = keep
    ? 'What you decided is kept wherever the same lines still conflict.'
    : 'You begin anew with how the branch is now.';
  return taken({ ...state, history }, state.offer, text);
}

/** Files are read again; decisions find their regions by what these are made of. */
function taken(state: PageState, { detail, proposedMessage }: ConflictMessage, text: string): PageState {
  const fresh = { files: new Map<string, never>(), unreadable: new Map<string, never>(), cursor: undefined };
  return shown({ ...state, ...fresh, proposedMessage, offer: undefined, notice: { kind: 'info', text } }, detail);
}

function shown(state: PageState, detail: ConflictDetail): PageState {
  const paths = conflictPaths(detail).map(({ path }) => path);
  const selected = paths.includes(state.selected ?? '') ? state.selected : paths[0];
  return { ...state, detail, selected, busy: false };
}

function fileArrived(state: PageState, { theirs, file }: Extract<ToPage, { type: 'file' }>): PageState {
  const against = state.detail && conflictPaths(state.detail).find(({ path }) => path === file.path)?.against;
  // Of a side that is not shown any more.
  if (against?.includes(theirs) !== true) return state;
  const others = (state.files.get(file.path)?.parts ?? []).filter((part) => part.theirs !== theirs);
  const parts = [...others, { theirs, file }].sort((a, b) => against.indexOf(a.theirs) - against.indexOf(b.theirs));
  const unreadable = new Map(state.unreadable);
  unreadable.delete(file.path);
  const next = { ...state, files: new Map(state.files).set(file.path, { parts }), unreadable };
  const unplaced = state.cursor === undefined || !stops(next, file.path).some(({ key }) => key === state.cursor);
  return file.path === state.selected && unplaced ? { ...next, cursor: firstOpen(next, file.path) } : next;
}

function failed(state: PageState, { message, path }: Extract<ToPage, { type: 'failed' }>): PageState {
  if (path !== undefined) return { ...state, unreadable: new Map(state.unreadable).set(path, message) };
  return { ...state, busy: false, notice: { kind: 'error', text: message } };
}

const hasDecisions = ({ history, message }: PageState): boolean =>
  message !== undefined || history.past.length > 0 || Object.keys(history.present.files).length > 0;
