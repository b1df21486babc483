import type { ActivityEntry } from '../rpc/conflicts.ts';
import { short } from './conflict-words.ts';
import { plain } from './plain-text.ts';

interface Words {
  readonly icon: string;
  /** After the name of the branch. */
  readonly happened: string;
}

const WORDS: Record<ActivityEntry['kind'], Words> = {
  'fast-forward': { icon: 'arrow-down', happened: 'moved forward' },
  created: { icon: 'git-branch', happened: 'appeared' },
  merge: { icon: 'git-merge', happened: 'merged by itself' },
  resolve: { icon: 'check-all', happened: 'was settled' },
  rebase: { icon: 'versions', happened: 'was rebased' },
  follow: { icon: 'reply', happened: 'followed a peer' },
  'own-merge': { icon: 'git-commit', happened: 'was merged with markers' },
  undo: { icon: 'discard', happened: 'was put back' },
  kept: { icon: 'archive', happened: 'was restored' },
};

/** `main moved forward`, and its icon. */
export function headline({ kind, branch, to }: ActivityEntry): { readonly icon: string; readonly text: string } {
  const { icon, happened } = to === null ? { icon: 'trash', happened: 'was deleted' } : WORDS[kind];
  return { icon, text: `${plain(branch, 40)} ${happened}` };
}

/** `1a2b3c4 → 5d6e7f8`. */
export const fromTo = ({ from, to }: ActivityEntry): string =>
  [from === null ? 'nothing' : short(from), to === null ? 'nothing' : short(to)].join(' → ');

/** What *Undo Last Sync* is about: the newest that was not put back and is not the user's own commit. Whether it can be, the engine says. */
export const lastMove = (entries: readonly ActivityEntry[]): ActivityEntry | undefined =>
  entries.find(({ kind, undone }) => kind !== 'undo' && kind !== 'own-merge' && !undone);

/** What undoing it does. */
export function undoInWords({ branch, from, to }: ActivityEntry): string {
  const name = plain(branch, 60);
  if (from === null) return `${name} is deleted here again.`;
  if (to === null) return `${name} is back at ${short(from)}.`;
  return `${name} goes back from ${short(to)} to ${short(from)}, and its files with it where it is checked out.`;
}
