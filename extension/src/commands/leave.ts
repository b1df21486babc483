import * as vscode from 'vscode';
import { refreshFolders } from '../folder-watch.ts';
import type { Services } from '../services.ts';
import { plain } from '../views/plain-text.ts';
import { isJoining } from '../views/view-state.ts';
import { chooseSession } from './choose.ts';

/** Leaves a session for good, after asking while others are in it; an ended one is only dismissed. */
export async function leave({ engine, model }: Services, argument: unknown): Promise<void> {
  const session = await chooseSession(model, argument, (candidate) => !isJoining(candidate));
  if (session === undefined) return;
  const name = plain(session.repoName);
  if (session.phase !== 'ended' && session.peers.length > 0) {
    const detail = 'Your repository stays as it is, and the others keep theirs. To come back you need an invite.';
    const choice = await vscode.window.showWarningMessage(
      `Leave the session of ${name}?`,
      { modal: true, detail },
      LEAVE,
    );
    if (choice !== LEAVE) return;
  }
  await engine.request('peerweave/leave', { repo: session.repo });
  await refreshFolders(model);
}

const LEAVE = 'Leave';
