import type { ConflictDetail } from '../../extension/src/rpc/conflicts.ts';
import type { ToPage } from '../../extension/src/views/resolve-messages.ts';
import { begin, EMPTY_DRAFT, fileDraft, step, type Draft, type FileDraft, type History } from './draft.ts';
import type { Region } from './regions.ts';
import { conflictPaths, isCut, isOpen, stagesOf, stopsOf, type LoadedFile } from './stages.ts';

export type ConflictMessage = Extract<ToPage, { type: 'conflict' }>;

/** All that the page shows, as one value; every message and every key makes a new one of it. */
export interface PageState {
  readonly detail: ConflictDetail | undefined;
  readonly proposedMessage: string;
  /** What the person wrote; undefined while it is the proposed one. */
  readonly message: string | undefined;
  readonly history: History;
  /** Files that have arrived, by path; of one that conflicts with several sides, those parts that have. */
  readonly files: ReadonlyMap<string, LoadedFile>;
  /** Why a file could not be read, by path. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Stretches of unchanged lines that are shown whole, by key. */
  readonly unfolded: ReadonlySet<string>;
  readonly selected: string | undefined;
  /** The region that keys act on, by its key. */
  readonly cursor: string | undefined;
  /** The branch moved while something was decided: offered, and not shown before the person wants it (CO6). */
  readonly offer: ConflictMessage | undefined;
  readonly notice: { readonly kind: 'info' | 'error'; readonly text: string } | undefined;
  readonly busy: boolean;
  readonly settled: string | undefined;
}

export const INITIAL: PageState = {
  detail: undefined,
  proposedMessage: '',
  message: undefined,
  history: begin(EMPTY_DRAFT),
  files: new Map(),
  unreadable: new Map(),
  unfolded: new Set(),
  selected: undefined,
  cursor: undefined,
  offer: undefined,
  notice: undefined,
  busy: false,
  settled: undefined,
};

export const tipsOf = (detail: ConflictDetail): string[] => detail.sides.map(({ tip }) => tip);

/** What was decided of a file so far. */
export const drafted = (state: PageState, path: string): FileDraft => fileDraft(state.history.present, path);

/** The file with all its parts; undefined while one is on its way. */
export function loadedFile(state: PageState, path: string): LoadedFile | undefined {
  const against = state.detail && conflictPaths(state.detail).find((each) => each.path === path)?.against;
  const loaded = state.files.get(path);
  return loaded?.parts.length === against?.length ? loaded : undefined;
}

/** Regions of a file that somebody changed. */
export function stops(state: PageState, path: string): Region[] {
  const loaded = loadedFile(state, path);
  return loaded !== undefined && isCut(loaded) ? stopsOf(stagesOf(loaded, drafted(state, path))) : [];
}

/** How far one file is; `open` counts the conflicts that are left in it, as far as they can be known. */
export type FileState = 'loading' | 'unreadable' | 'open' | 'decided';

export function fileState(state: PageState, path: string): { readonly state: FileState; readonly open: number } {
  const file = drafted(state, path);
  if (file.whole !== undefined) return { state: 'decided', open: 0 };
  const loaded = loadedFile(state, path);
  if (loaded === undefined) return { state: state.unreadable.has(path) ? 'unreadable' : 'loading', open: 0 };
  if (!isCut(loaded)) return { state: 'open', open: 1 };
  const { stages, text, later } = stagesOf(loaded, file);
  if (text !== undefined) return { state: 'decided', open: 0 };
  const open = stages.flatMap(({ regions }) => regions).filter((region) => isOpen(region, file)).length;
  return { state: 'open', open: open + later.length };
}

/** The region to begin with in a file: the first open conflict, else the first conflict, else the first change. */
export function firstOpen(state: PageState, path: string): string | undefined {
  const all = stops(state, path);
  const file = drafted(state, path);
  const found = all.find((region) => isOpen(region, file)) ?? all.find(({ kind }) => kind === 'conflict') ?? all[0];
  return found?.key;
}

/** A step that can be undone; steps with the same `group` in a row are one, as when a text is typed. */
export const decide = (state: PageState, next: Draft, group?: string): PageState => ({
  ...state,
  history: step(state.history, next, group),
  notice: undefined,
});
