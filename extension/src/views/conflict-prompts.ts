import * as vscode from 'vscode';
import type { Disposable } from '../shared/disposable.ts';
import type { ConflictView, SessionView } from '../rpc/model.ts';
import { ConflictNews, type Announcements } from './conflict-news.ts';
import { ownersOf } from './conflict-words.ts';
import { plain } from './plain-text.ts';
import type { SessionModel } from './session-model.ts';

const ACTIONS: Record<string, string> = { 'Merge…': 'peerweave.resolve', Compare: 'peerweave.compare' };

/**
 * Tells once of every branch that people have to settle (ED3). VS Code cannot take a notification back: one that is answered when the
 * branch is settled says so, as every conflict command does.
 */
export function promptForConflicts(model: SessionModel, memory: Announcements): Disposable {
  const news = new ConflictNews(memory);
  const tell = (): void => {
    for (const { session, conflict } of news.of(model.sessions)) void show(session, conflict);
  };
  tell();
  return model.onDidChange(tell);
}

async function show(session: SessionView, conflict: ConflictView): Promise<void> {
  const others = conflict.candidates.filter(({ mine }) => !mine).map((candidate) => ownersOf(session, candidate, 60));
  const branch = plain(conflict.branch);
  const message = `You and ${others.join(', ')} took ${branch} different ways. It stays where it is until one of you settles it.`;
  const choice = await vscode.window.showInformationMessage(message, ...Object.keys(ACTIONS));
  const command = choice === undefined ? undefined : ACTIONS[choice];
  const target = { repo: session.repo, branch: conflict.branch };
  if (command !== undefined) await vscode.commands.executeCommand(command, target);
}
