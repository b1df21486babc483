import { branchRef, type Oid } from '../../../shared/ids.ts';
import type { LoggedMove, UndoRefusal, UndoResult } from '../activity.ts';
import { isKept, keepTips, releaseKept } from './kept-refs.ts';
import { isAncestor } from './relate.ts';
import { moveBranch, type MoveContext } from './move-branch.ts';

/**
 * See `Repository.undo`. Throws what keeping a tip fails with, a full disk for one; nothing has moved then. An undo is a move like any other, journaled and a compare-and-swap, only that it goes back; and an entry of the
 * log of its own, which can be taken back in turn.
 */
export async function undoMove(context: MoveContext, id: string | undefined): Promise<UndoResult> {
  const entries = await context.activity.entries();
  const entry = entries.find((move) => (id === undefined ? isOurs(move) && !move.undone : move.id === id));
  if (entry === undefined) return refused({ kind: id === undefined ? 'nothing' : 'unknown' });
  if (entry.kind === 'own-merge') return refused({ kind: 'own-commit', entry });
  if (entry.undone) return refused({ kind: 'undone', entry });
  const { branch, from, to } = entry;
  const at = await context.refs.one(branchRef(branch));
  if (at !== to) return refused({ kind: 'gone-on', entry, at });
  if (from !== null && !(await isHere(context, from))) return refused({ kind: 'pruned', entry });
  const keeps = to !== null && (await isOnlyHere(context, entry, to));
  if (keeps) await keepTips(context, branch, [to]);
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
  if (keeps) await releaseKept(context, branch, [to]);
  return refused({ kind: 'move', entry, refusal: result.refusal });
}

/** True for what an undo without further words may be about. */
const isOurs = ({ kind }: LoggedMove): boolean => kind !== 'undo' && kind !== 'own-merge';

const refused = (refusal: UndoRefusal): UndoResult => ({ undone: false, refusal });

const describe = ({ kind, by }: LoggedMove): string => (by === undefined ? kind : `${kind} by ${by}`);

/**
 * True when nothing but the branch would keep this commit from being pruned once it goes back: a resolution that nobody has taken yet, or
 * commits of the user's under a name of their own. They are kept then, as what loses by a strategy is (CO4).
 */
async function isOnlyHere(context: MoveContext, { branch, from }: LoggedMove, to: Oid): Promise<boolean> {
  const { git, gitDir } = context;
  if (await isKept(context, branch, to)) return false;
  if (from !== null && (await isAncestor(git, gitDir, to, from))) return false;
  const { stdout } = await git.run(['for-each-ref', '--count=2', '--contains', to, '--format=%(refname)'], { gitDir });
  return stdout.split('\n').every((ref) => ref === '' || ref === branchRef(branch));
}

async function isHere({ git, gitDir }: MoveContext, commit: Oid): Promise<boolean> {
  const { code } = await git.run(['cat-file', '-e', `${commit}^{commit}`], { gitDir, answers: [0, 1, 128] });
  return code === 0;
}
