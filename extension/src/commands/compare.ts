import { stat } from 'node:fs/promises';
import { basename } from 'node:path/posix';
import * as vscode from 'vscode';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import type { Services } from '../services.ts';
import { PeerweaveError } from '../shared/errors.ts';
import { comparedFiles } from '../views/comparison.ts';
import { ownersOf, short } from '../views/conflict-words.ts';
import { peerUri } from '../views/peer-documents.ts';
import { plain } from '../views/plain-text.ts';
import {
  chooseConflict,
  chooseTheirs,
  conflictTargetOf,
  mineOf,
  type Candidate,
  type ChosenConflict,
} from './choose-conflict.ts';

/** Files of one comparison; more at once nobody reads. */
const MAX_FILES = 300;

/** A comparison of another side with ours: of the one file that the target names, else of all that differ. */
export async function compare(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument, ['diverged', 'rewound-there']);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const { path, theirPath } = (await conflictTargetOf(argument)) ?? {};
  if (path === undefined) await compareAll(services, chosen, theirs);
  else await compareFile(chosen, theirs.oid, { path, theirPath: theirPath ?? path });
}

async function compareFile(
  { session, conflict }: ChosenConflict,
  tip: string,
  { path, theirPath }: { readonly path: string; readonly theirPath: string },
): Promise<void> {
  const theirs = conflict.candidates.find(({ oid }) => oid === tip);
  const who = theirs === undefined ? short(tip) : ownersOf(session, theirs);
  const title = `${plain(basename(path))}: ${who} ↔ you`;
  await vscode.commands.executeCommand(
    'vscode.diff',
    peerUri(session.repo, tip, theirPath),
    await ourUri(session, conflict, path),
    title,
  );
}

async function compareAll({ details }: Services, chosen: ChosenConflict, theirs: Candidate): Promise<void> {
  const { session, conflict } = chosen;
  const known = await details.load(session.repo, conflict);
  if ('failure' in known) throw new PeerweaveError('internal', known.failure);
  const files = comparedFiles(known.detail, theirs.oid).slice(0, MAX_FILES);
  const branch = plain(conflict.branch);
  const who = ownersOf(session, theirs);
  if (files.length === 0) {
    void vscode.window.showInformationMessage(`${branch} has the same files at ${who} and here.`);
    return;
  }
  const mine = mineOf(conflict)?.oid ?? '';
  // Both as commits have them: the editor takes addresses with different paths for a rename.
  const pairs = files.map(({ path, there, here }): Pair => [
    fileUri(session, path),
    there ? peerUri(session.repo, theirs.oid, path) : undefined,
    here ? peerUri(session.repo, mine, path) : undefined,
  ]);
  await vscode.commands.executeCommand('vscode.changes', `${branch}: ${who} ↔ you`, pairs);
}

/** What the file is called by, theirs, and ours. */
type Pair = [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined];

/** The file in the worktree, where it can be edited, if the branch is checked out; else as our tip has it. */
async function ourUri(session: SessionView, conflict: ConflictView, path: string): Promise<vscode.Uri> {
  const file = fileUri(session, path);
  const here = session.self.branch === conflict.branch && (await isFile(file.fsPath));
  return here ? file : peerUri(session.repo, mineOf(conflict)?.oid ?? '', path);
}

const fileUri = ({ repo }: SessionView, path: string): vscode.Uri => vscode.Uri.joinPath(vscode.Uri.file(repo), path);

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
