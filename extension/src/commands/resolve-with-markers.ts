import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { MarkerMergeView } from '../rpc/conflicts.ts';
import type { Services } from '../services.ts';
import { plain } from '../views/plain-text.ts';
import { count } from '../views/units.ts';
import { chooseConflict, chooseTheirs } from './choose-conflict.ts';
import { ensureMarkerMerge, fileOf } from './marker-merge.ts';

const COMPLETE = 'Complete Merge';

/** Begins a merge in the worktree and opens a file with conflict markers, where VS Code's own lenses help. */
export async function resolveWithMarkers(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const merge = await ensureMarkerMerge(services, chosen, theirs);
  if (merge === undefined) return;
  const open = merge.files.filter(({ state }) => state !== 'resolved').map(({ path }) => path);
  const wanted = chosen.target?.path;
  await show(merge, wanted !== undefined && open.includes(wanted) ? wanted : open[0]);
  const branch = plain(chosen.conflict.branch);
  const what =
    open.length === 0
      ? `${branch} is merged in your files, without a conflict. Look it over, then complete the merge.`
      : `${count(open.length, 'file')} of ${branch} to settle in your files. Save them, then complete the merge.`;
  const target = { repo: chosen.session.repo, branch: chosen.conflict.branch };
  // Not awaited: the command is done, the notification may stay for long.
  void vscode.window.showInformationMessage(what, COMPLETE).then(async (choice) => {
    if (choice === COMPLETE) await vscode.commands.executeCommand('peerweave.completeMerge', target);
  });
}

/** One that a side deleted may have no file to show. */
async function show(merge: MarkerMergeView, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const file = fileOf(merge, path);
  const there = await stat(file.fsPath).then(
    (found) => found.isFile(),
    () => false,
  );
  if (there) await vscode.window.showTextDocument(file);
}
