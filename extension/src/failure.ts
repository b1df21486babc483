import * as vscode from 'vscode';
import { asPeerweaveError, type PeerweaveError } from './shared/errors.ts';
import { plain } from './views/plain-text.ts';

/**
 * Says what went wrong and what to do, once, with *Show Log* (ED3). A cancelled action needs no message: whoever cancelled
 * knows. `actions` are offered before *Show Log*; the one chosen is returned.
 */
export async function showFailure<T extends string>(
  log: vscode.LogOutputChannel,
  doing: string,
  error: unknown,
  ...actions: T[]
): Promise<T | undefined> {
  const failure: PeerweaveError = asPeerweaveError(error);
  if (failure.reason === 'cancelled') return undefined;
  log.error(`${doing}: ${failure.reason}: ${failure.message}`);
  const message = `${doing}: ${plain(failure.message, 500)}`;
  const choice = await vscode.window.showErrorMessage<T | typeof SHOW_LOG>(message, ...actions, SHOW_LOG);
  if (choice !== SHOW_LOG) return choice;
  log.show(true);
  return undefined;
}

const SHOW_LOG = 'Show Log';
