import type { LoggedMove, UndoRefusal } from '../repo/activity.ts';
import { describeRefusal, sentence } from './refusal-text.ts';

/** For a person: why nothing was taken back, and what to do about it (SY13). */
export function describeUndoRefusal(refusal: UndoRefusal): string {
  switch (refusal.kind) {
    case 'nothing':
      return 'There is nothing to undo: no branch was moved for you that has not been put back.';
    case 'unknown':
      return 'That move is not in the activity of this repository any more.';
    case 'undone':
      return `${refusal.entry.branch} was already put back. Undo that undo to have it again.`;
    case 'gone-on':
      return goneOn(refusal.entry, refusal.at);
    case 'own-commit':
      return `${refusal.entry.branch} was merged by a commit of your own, which is yours to take back: git reset --keep ${short(refusal.entry.from)} does.`;
    case 'pruned':
      return `${refusal.entry.branch} cannot be put back: git has removed commit ${short(refusal.entry.from)}, where it was.`;
    case 'move':
      return refusal.refusal.kind === 'ref-moved'
        ? `${refusal.entry.branch} was not put back: it moved at this moment. Look at it, and try again.`
        : sentence(`${refusal.entry.branch} was not put back: ${describeRefusal(refusal.refusal)}`);
  }
}

function goneOn({ branch, to }: LoggedMove, at: LoggedMove['to']): string {
  if (at === null) return `${branch} cannot be put back: you have deleted it since.`;
  if (to === null) return `${branch} cannot be put back: it was made anew since, at ${short(at)}.`;
  return `${branch} cannot be put back: it has gone on since, from ${short(to)} to ${short(at)}. What came later would be lost.`;
}

const short = (oid: LoggedMove['to']): string => (oid === null ? 'nothing' : oid.slice(0, 8));
