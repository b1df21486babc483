import { branchRef, type Oid } from '../../../shared/ids.ts';
import type { LoggedMove, UndoRefusal, UndoResult } from '../activity.ts';
import { moveBranch, type MoveContext } from './move-branch.ts';

/**
 * See `Repository.undo`. An undo is a move like any other, journaled and a compare-and-swap, only that it goes back; and an entry of the
 * log of its own, which can be taken back in turn.
 */
export async function undoMove(context: MoveContext, id: string | undefined): Promise<UndoResult> {
  const entries = await context.activity.entries();
  const entry = entries.find((move) => (id === undefined ? move.kind !== 'undo' && !move.undone : move.id === id));
  if (entry === undefined) return refused({ kind: id === undefined ? 'nothing' : 'unknown' });
  if (entry.undone) return refused({ kind: 'undone', entry });
  const { branch, from, to } = entry;
  const at = await context.refs.one(branchRef(branch));
  if (at !== to) return refused({ kind: 'gone-on', entry, at });
  if (from !== null && !(await isHere(context, from))) return refused({ kind: 'pruned', entry });
  const result = await moveBranch(context, {
    branch,
    from: to,
    to: from,
    kind: 'undo',
    undoes: entry.id,
    message: `peerweave: undo of ${describe(entry)}`,
    // The person asks for files that were there before.
    reviewed: true,
  });
  if (result.moved) return { undone: true, entry: { ...entry, undone: true } };
  return refused({ kind: 'move', entry, refusal: result.refusal });
}

const refused = (refusal: UndoRefusal): UndoResult => ({ undone: false, refusal });

const describe = ({ kind, by }: LoggedMove): string => (by === undefined ? kind : `${kind} by ${by}`);

async function isHere({ git, gitDir }: MoveContext, commit: Oid): Promise<boolean> {
  const { code } = await git.run(['cat-file', '-e', `${commit}^{commit}`], { gitDir, answers: [0, 1, 128] });
  return code === 0;
}
