import type { Reason } from '../../shared/errors.ts';
import type { MoveRefusal } from '../repo/repository.ts';

const MAX_PATHS = 3;

/** One line for a person: why a branch waits (SY6), and what to do about it. */
export function describeRefusal(refusal: MoveRefusal): string {
  switch (refusal.kind) {
    case 'ref-moved':
      return 'the branch moved meanwhile';
    case 'name-conflict':
      return `the branch ${refusal.with} has a name that cannot exist beside it; rename one of the two`;
    case 'local-changes':
      return `your changes to ${list(refusal.paths)} are in the way; commit or stash them`;
    case 'operation-in-progress':
      return `a ${refusal.operation} is in progress; finish or abort it`;
    case 'sensitive-files':
      return `it changes ${list(refusal.paths)}, which can run code when opened; review it first`;
    case 'locked':
      return `another git process holds ${refusal.path}; close it, or remove that file if none is running`;
    case 'checked-out':
      return `it is checked out in ${refusal.root}; switch to another branch there first`;
    case 'disk-full':
    case 'failed':
      return refusal.message;
  }
}

/** The reason under which a person is told of it, who asked for the move. */
export function reasonOf({ kind }: MoveRefusal): Reason {
  if (kind === 'disk-full') return kind;
  return kind === 'sensitive-files' ? 'review-needed' : 'move-refused';
}

/** With the full stop that it may have already: a message that came from below is a sentence of its own. */
export const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_PATHS).join(', ');
  return paths.length > MAX_PATHS ? `${shown} and ${paths.length - MAX_PATHS} more` : shown;
}
