/**
 * What a move of a branch is to the activity log. `kept`: what a strategy had kept became a branch again. `own-merge`: the user's own commit
 * of a merge with markers, which is noted and not ours to take back.
 */
export const MOVE_KINDS = [
  'fast-forward',
  'created',
  'merge',
  'resolve',
  'rebase',
  'follow',
  'kept',
  'own-merge',
  'undo',
] as const;

export type MoveKind = (typeof MOVE_KINDS)[number];

/**
 * Moves that need not go forward, because a person chose them (SY5): our commits again on top of theirs, going back or deleting as a peer
 * did, and taking back an earlier move.
 */
const NOT_FORWARD: ReadonlySet<MoveKind> = new Set(['rebase', 'follow', 'undo']);

export const needsForward = (kind: MoveKind): boolean => !NOT_FORWARD.has(kind);
