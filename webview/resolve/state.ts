import type {
  ConflictDetail,
  ConflictFileDetail,
  ConflictFileView,
  FileResolution,
} from '../../extension/src/rpc/conflicts.ts';
import type { SavedDraft, ToPage } from '../../extension/src/views/resolve-messages.ts';
import {
  begin,
  EMPTY_DRAFT,
  fileDraft,
  openConflicts,
  resultText,
  step,
  type Draft,
  type FileDraft,
  type History,
} from './draft.ts';
import { regionsOf, type Region } from './regions.ts';

/** All that the page shows, as one value; every message and every key makes a new one of it. */
export interface PageState {
  readonly detail: ConflictDetail | undefined;
  readonly proposedMessage: string;
  /** What the person wrote; undefined while it is the proposed one. */
  readonly message: string | undefined;
  readonly history: History;
  /** Files that have arrived, by path. */
  readonly files: ReadonlyMap<string, LoadedFile>;
  readonly selected: string | undefined;
  /** The region that keys act on, by its key. */
  readonly cursor: string | undefined;
  readonly notice: { readonly kind: 'info' | 'error'; readonly text: string } | undefined;
  readonly busy: boolean;
  readonly settled: string | undefined;
}

export interface LoadedFile {
  readonly theirs: string;
  readonly file: ConflictFileDetail;
  /** Empty for a file that can be decided as a whole only. */
  readonly regions: readonly Region[];
}

export const INITIAL: PageState = {
  detail: undefined,
  proposedMessage: '',
  message: undefined,
  history: begin(EMPTY_DRAFT),
  files: new Map(),
  selected: undefined,
  cursor: undefined,
  notice: undefined,
  busy: false,
  settled: undefined,
};

/** What the host said. */
export function heard(state: PageState, message: ToPage): PageState {
  switch (message.type) {
    case 'conflict':
      return conflictArrived(state, message);
    case 'file':
      return fileArrived(state, message.theirs, message.file);
    case 'failed':
      return { ...state, busy: false, notice: { kind: 'error', text: message.message } };
    case 'waiting':
      return state.detail === undefined ? { ...state, notice: { kind: 'info', text: message.message } } : state;
    case 'settled':
      return { ...state, busy: false, settled: message.message };
  }
}

function conflictArrived(
  state: PageState,
  { detail, draft, proposedMessage }: Extract<ToPage, { type: 'conflict' }>,
): PageState {
  const again = state.detail !== undefined && tipsOf(state.detail).join() !== tipsOf(detail).join();
  const conflicting = conflictingFiles(detail).map(({ path }) => path);
  const selected =
    state.selected !== undefined && conflicting.includes(state.selected) ? state.selected : conflicting[0];
  return {
    ...state,
    detail,
    proposedMessage,
    message: state.detail === undefined ? draft?.message : state.message,
    history: state.detail === undefined && draft !== undefined ? begin(asDraft(draft)) : state.history,
    // Cut anew from what the sides are now; decisions find their regions again by what these are made of.
    files: again ? new Map() : state.files,
    selected,
    busy: false,
    notice: again
      ? {
          kind: 'info',
          text: 'The branch has moved meanwhile. What you decided is kept wherever the same lines still conflict.',
        }
      : state.notice,
  };
}

const asDraft = ({ files }: SavedDraft): Draft => ({ files });

function fileArrived(state: PageState, theirs: string, file: ConflictFileDetail): PageState {
  const { base, mine, theirs: other } = file;
  const isText = [base, mine, other].every((version) => version === null || version.kind === 'text');
  const both = mine !== null && other !== null;
  const regions = isText && both ? regionsOf(base?.text ?? '', mine.text ?? '', other.text ?? '') : [];
  const files = new Map(state.files).set(file.path, { theirs, file, regions });
  const next = { ...state, files };
  return file.path === state.selected && state.cursor === undefined
    ? { ...next, cursor: firstOpen(next, file.path) }
    : next;
}

export const tipsOf = (detail: ConflictDetail): string[] => detail.sides.map(({ tip }) => tip);

/** Files that do not merge by themselves. */
export const conflictingFiles = (detail: ConflictDetail): ConflictFileView[] =>
  detail.files.filter(({ kinds }) => kinds.length > 0);

/** Regions that somebody changed: what next and previous go through. */
export const stops = (loaded: LoadedFile | undefined): Region[] =>
  loaded?.regions.filter(({ kind }) => kind !== 'same') ?? [];

export function firstOpen(state: PageState, path: string): string | undefined {
  const loaded = state.files.get(path);
  const { choices } = fileDraft(state.history.present, path);
  const conflicts = stops(loaded).filter(({ kind }) => kind === 'conflict');
  return (conflicts.find(({ key }) => choices[key] === undefined) ?? conflicts[0] ?? stops(loaded)[0])?.key;
}

/** How far one file is. */
export type FileState = 'loading' | 'open' | 'decided';

export function fileState(state: PageState, path: string): { readonly state: FileState; readonly open: number } {
  const drafted = fileDraft(state.history.present, path);
  if (drafted.whole !== undefined) return { state: 'decided', open: 0 };
  const loaded = state.files.get(path);
  if (loaded === undefined) return { state: 'loading', open: 0 };
  if (loaded.regions.length === 0) return { state: 'open', open: 1 };
  const open = openConflicts(loaded.regions, drafted);
  return { state: open === 0 ? 'decided' : 'open', open };
}

/** What is to be sent on Finish; undefined while a file is open. */
export function resolutions(state: PageState): FileResolution[] | undefined {
  if (state.detail === undefined) return undefined;
  const all: FileResolution[] = [];
  for (const { path } of conflictingFiles(state.detail)) {
    const one = resolutionOf(path, state.files.get(path), fileDraft(state.history.present, path));
    if (one === undefined) return undefined;
    all.push(one);
  }
  return all;
}

function resolutionOf(path: string, loaded: LoadedFile | undefined, drafted: FileDraft): FileResolution | undefined {
  if (drafted.whole !== undefined) return { path, ...drafted.whole };
  if (loaded === undefined || loaded.regions.length === 0) return undefined;
  const text = resultText(loaded.regions, drafted);
  return text === undefined ? undefined : { path, use: 'text', text };
}

/** A step that can be undone. */
export const decide = (state: PageState, next: Draft): PageState => ({
  ...state,
  history: step(state.history, next),
  notice: undefined,
});

/** Goes to the region after (or before) the present one, round and round. */
export function move(state: PageState, by: 1 | -1, onlyOpen: boolean): PageState {
  if (state.selected === undefined) return state;
  const all = stops(state.files.get(state.selected));
  const { choices } = fileDraft(state.history.present, state.selected);
  const wanted = all.filter(({ kind, key }) => !onlyOpen || (kind === 'conflict' && choices[key] === undefined));
  if (wanted.length === 0) return state;
  const here = all.findIndex(({ key }) => key === state.cursor);
  const ahead = wanted.filter(({ key }) => {
    const at = all.findIndex((region) => region.key === key);
    return by === 1 ? at > here : at < here;
  });
  const next = by === 1 ? (ahead[0] ?? wanted[0]) : (ahead.at(-1) ?? wanted.at(-1));
  return { ...state, cursor: next?.key };
}

/** Goes to another conflicting file. */
export function moveFile(state: PageState, by: 1 | -1): PageState {
  if (state.detail === undefined) return state;
  const paths = conflictingFiles(state.detail).map(({ path }) => path);
  const at = paths.indexOf(state.selected ?? '');
  const selected = paths[(at + by + paths.length) % paths.length];
  return selected === undefined ? state : select(state, selected);
}

export function select(state: PageState, path: string): PageState {
  const next = { ...state, selected: path, cursor: undefined };
  return { ...next, cursor: firstOpen(next, path) };
}
