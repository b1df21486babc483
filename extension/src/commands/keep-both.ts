import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { ownersOf, short } from '../views/conflict-words.ts';
import { plain } from '../views/plain-text.ts';
import { branchNameProblem, proposedName } from './branch-name.ts';
import { chooseConflict, chooseTheirs } from './choose-conflict.ts';
import { settle } from './settle.ts';

/** Gives our commits a branch of their own; the branch then follows another side. */
export async function keepBoth(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const { session, conflict } = chosen;
  const branch = plain(conflict.branch);
  const name = await vscode.window.showInputBox({
    title: `Keep Both: ${branch}`,
    prompt: `Your commits get this branch; ${branch} then follows ${ownersOf(session, theirs)} to ${short(theirs.oid)}.`,
    value: proposedName(conflict.branch, session.self.name),
    ignoreFocusOut: true,
    validateInput: branchNameProblem,
  });
  if (name === undefined) return;
  const done = `${branch} follows ${ownersOf(session, theirs)}; yours is ${plain(name)}`;
  await settle(services, chosen, { how: 'both', name: name.trim(), tip: theirs.oid }, done);
}
