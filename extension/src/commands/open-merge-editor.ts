import * as vscode from 'vscode';
import { gitApi } from '../git-extension.ts';
import type { MarkerMergeView } from '../rpc/conflicts.ts';
import type { Services } from '../services.ts';
import { plain } from '../views/plain-text.ts';
import { chooseConflict, chooseTheirs } from './choose-conflict.ts';
import { ensureMarkerMerge, fileOf } from './marker-merge.ts';

const MERGE_EDITOR = 'git.openMergeEditor';

/**
 * Opens a conflicting file in VS Code's own merge editor. That works on a merge that git knows of, so one is begun in the worktree first,
 * unless the branch is in one already.
 */
export async function openMergeEditor(services: Services, argument: unknown): Promise<void> {
  const chosen = await chooseConflict(services.model, argument);
  const theirs = chosen && (await chooseTheirs(chosen));
  if (chosen === undefined || theirs === undefined) return;
  const merge = await ensureMarkerMerge(services, chosen, theirs);
  if (merge === undefined) return;
  const path = await chooseFile(merge, chosen.target?.path, plain(chosen.conflict.branch));
  if (path !== undefined) await open(fileOf(merge, path));
}

async function chooseFile(
  { files }: MarkerMergeView,
  wanted: string | undefined,
  branch: string,
): Promise<string | undefined> {
  if (files.some(({ path }) => path === wanted)) return wanted;
  if (files.length === 0) {
    const message = `${branch} is merged in your files, without a conflict. Look it over, then complete the merge.`;
    void vscode.window.showInformationMessage(message);
  }
  if (files.length <= 1) return files[0]?.path;
  const items = files.map(({ path, state }) => ({
    label: `$(${state === 'resolved' ? 'pass' : 'diff-modified'}) ${plain(path, 120)}`,
    description: state === 'resolved' ? 'settled' : '',
    path,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Which file?' }))?.path;
}

/** The merge editor where the Git extension offers it and knows the repository, else the file with its markers. */
async function open(file: vscode.Uri): Promise<void> {
  const offered = (await vscode.commands.getCommands(true)).includes(MERGE_EDITOR);
  const known = (gitApi()?.getRepository(file) ?? null) !== null;
  if (offered && known) await vscode.commands.executeCommand(MERGE_EDITOR, file);
  else await vscode.window.showTextDocument(file);
}
