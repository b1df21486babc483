import type { Choice, FileDraft } from './draft.ts';

/** What a person can do on the page. */
export interface Actions {
  readonly select: (path: string) => void;
  readonly go: (key: string) => void;
  readonly choose: (key: string, choice: Choice | undefined) => void;
  /** What is written into a region by hand, as it is written. */
  readonly type: (key: string, text: string) => void;
  readonly whole: (whole: FileDraft['whole']) => void;
  readonly edit: (key: string) => void;
  readonly unfold: (key: string) => void;
  readonly undo: () => void;
  readonly redo: () => void;
  readonly write: (message: string) => void;
  readonly finish: () => void;
  readonly cancel: () => void;
  readonly compare: (path: string, theirs: string) => void;
  readonly move: (by: 1 | -1) => void;
  readonly moveToOpen: () => void;
  /** To the next open conflict of this file, if there is one. */
  readonly moveOn: () => void;
  readonly retry: (path: string) => void;
  readonly takeOffer: (keep: boolean) => void;
}
