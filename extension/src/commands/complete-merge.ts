import { sep } from 'node:path';
import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { short } from '../views/conflict-words.ts';
import { isLive } from '../views/view-state.ts';
import { chooseSession } from './choose.ts';
import { conflictTargetOf } from './choose-conflict.ts';
import { confirm } from './confirm.ts';
import { markerMergeIn } from './marker-merge.ts';
import { sayQuietly } from './settle.ts';

/** Commits a merge that was begun with markers, when none is left. */
export async function completeMerge(services: Services, argument: unknown): Promise<void> {
  const repo = await chooseRepository(services, argument);
  const merge = repo === undefined ? undefined : await markerMergeIn(services, repo);
  if (repo === undefined) return;
  if (merge === undefined) return sayNone();
  if (!(await saved(merge.root))) return;
  const { commit } = await services.engine.request('peerweave/completeMerge', { repo });
  sayQuietly(`Merged in ${short(commit)}`);
}

/** Takes a merge with markers back; the conflict is as it was before. */
export async function abortMerge(services: Services, argument: unknown): Promise<void> {
  const repo = await chooseRepository(services, argument);
  const merge = repo === undefined ? undefined : await markerMergeIn(services, repo);
  if (repo === undefined) return;
  if (merge === undefined) return sayNone();
  const detail = 'The files become as they were before. What you decided in them is lost; the conflict stays.';
  if (!(await confirm('Abort the merge in your files?', detail, 'Abort Merge'))) return;
  await services.engine.request('peerweave/abortMerge', { repo });
  sayQuietly('The merge is aborted');
}

async function chooseRepository({ model }: Services, argument: unknown): Promise<string | undefined> {
  const target = await conflictTargetOf(argument);
  return target?.repo ?? (await chooseSession(model, undefined, isLive))?.repo;
}

function sayNone(): void {
  void vscode.window.showInformationMessage('No merge is under way: Resolve With Markers begins one.');
}

/** True when nothing of the worktree is left unsaved: what is merged is what is on disk. */
async function saved(root: string): Promise<boolean> {
  const dirty = vscode.workspace.textDocuments.filter(
    ({ isDirty, uri }) => isDirty && uri.scheme === 'file' && uri.fsPath.startsWith(root + sep),
  );
  if (dirty.length === 0) return true;
  const detail = 'The merge is committed as the files are on disk.';
  if (!(await confirm('Save your files first?', detail, 'Save and Complete'))) return false;
  return (await Promise.all(dirty.map((document) => document.save()))).every(Boolean);
}
