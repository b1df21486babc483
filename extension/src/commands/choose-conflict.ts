import * as vscode from 'vscode';
import type { ConflictTarget } from '../rpc/conflicts.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import { notToChoose, ownersOf, partiesOf, short } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import type { SessionModel } from '../views/session-model.ts';
import { isLive } from '../views/view-state.ts';

export type Candidate = ConflictView['candidates'][number];

/** A conflict that a command is about, as the session model has it now. */
export interface ChosenConflict {
  readonly session: SessionView;
  readonly conflict: ConflictView;
  /** What the command was called with. */
  readonly target: ConflictTarget | undefined;
}

const ICONS: Record<ConflictView['kind'], string> = {
  diverged: 'git-merge',
  'rewound-there': 'history',
  'deleted-there': 'trash',
};

/** What a command was called with: a row, a lens' target. Undefined from the palette, and for whatever is not a target. */
export async function conflictTargetOf(argument: unknown): Promise<ConflictTarget | undefined> {
  if (argument === undefined) return undefined;
  const { decodeConflictTarget } = await import('../deferred.ts');
  return decodeConflictTarget(argument);
}

/** The conflict that a command is about: the one it was called with, the only one, or the one that is picked. Undefined when there is none. */
export async function chooseConflict(
  model: SessionModel,
  argument: unknown,
  kinds: readonly ConflictView['kind'][] = ['diverged'],
): Promise<ChosenConflict | undefined> {
  const target = await conflictTargetOf(argument);
  const sessions = model.sessions.filter(isLive);
  const all = sessions.flatMap((session) =>
    session.conflicts.filter(({ kind }) => kinds.includes(kind)).map((conflict) => ({ session, conflict, target })),
  );
  const fitting = target === undefined ? all : all.filter((chosen) => isMeant(chosen, target));
  if (fitting.length === 0) {
    const session = sessions.find(({ repo }) => repo === target?.repo);
    const none = target && session ? notToChoose(session, target.branch) : 'There is nothing to settle.';
    void vscode.window.showInformationMessage(none);
  }
  if (fitting.length <= 1) return fitting[0];
  // The same branch went back to several places: the commit says which.
  const exact = fitting.filter(({ conflict }) => conflict.candidates.some(({ oid }) => oid === target?.tip));
  return exact.length === 1 ? exact[0] : pick(fitting);
}

const isMeant = ({ session, conflict }: ChosenConflict, { repo, branch }: ConflictTarget): boolean =>
  session.repo === repo && conflict.branch === branch;

async function pick(conflicts: readonly ChosenConflict[]): Promise<ChosenConflict | undefined> {
  const several = new Set(conflicts.map(({ session }) => session.repo)).size > 1;
  const items = conflicts.map((chosen) => ({
    label: `$(${ICONS[chosen.conflict.kind]}) ${plain(chosen.conflict.branch)}`,
    description: partiesOf(chosen.session, chosen.conflict),
    ...(several ? { detail: plain(chosen.session.repoName) } : {}),
    chosen,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Which branch?' }))?.chosen;
}

/** The other side that is meant: the target's, the only one, or the one that is picked. */
export async function chooseTheirs({ session, conflict, target }: ChosenConflict): Promise<Candidate | undefined> {
  const others = conflict.candidates.filter(({ mine }) => !mine);
  const meant = others.find(({ oid }) => oid === target?.tip);
  if (meant !== undefined || others.length <= 1) return meant ?? others[0];
  const items = others.map((candidate) => ({
    label: `$(person) ${ownersOf(session, candidate)}`,
    description: short(candidate.oid),
    candidate,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Whose side?' }))?.candidate;
}

/** Ours. Every conflict has it: there is none about branches that are not here. */
export const mineOf = ({ candidates }: ConflictView): Candidate | undefined => candidates.find(({ mine }) => mine);
