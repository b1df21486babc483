import * as vscode from 'vscode';
import type { Services } from './services.ts';
import type { Disposable } from './shared/disposable.ts';
import { ActivityLog } from './views/activity-log.ts';
import { ActivityTree } from './views/activity-tree.ts';
import { promptForConflicts } from './views/conflict-prompts.ts';
import { ConflictsTree } from './views/conflicts-tree.ts';
import { providePeerDocuments } from './views/peer-documents.ts';

/** Everything by which diverged branches show, but for the page on which they are merged. `memory` is the workspace's. */
export function showConflicts({ engine, model, details }: Services, memory: vscode.Memento): Disposable {
  const activity = new ActivityLog(async (repo) => (await engine.request('peerweave/activity', { repo })).entries);
  return vscode.Disposable.from(
    providePeerDocuments(engine.request),
    new ConflictsTree(model, details),
    activity,
    engine.onEvent((event) => {
      if (event.event === 'ref') activity.invalidate(event.repo);
    }),
    new ActivityTree(model, activity),
    promptForConflicts(model, memory),
  );
}
