import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { plain } from '../views/plain-text.ts';
import { chooseSession } from './choose.ts';

/** Puts a session's invite link on the clipboard; nowhere else (SE8). */
export async function copyInvite({ engine, model }: Services, argument: unknown): Promise<void> {
  const session = await chooseSession(model, argument, ({ inviteExpiresAt }) => inviteExpiresAt !== undefined);
  if (session === undefined) return;
  const { invite } = await engine.request('peerweave/invite', { repo: session.repo, uriScheme: vscode.env.uriScheme });
  await announceInvite(`${plain(session.repoName)}:`, invite);
}

/** Copies `invite`, says so, and copies it again for whoever has copied something else meanwhile. */
export async function announceInvite(subject: string, invite: string): Promise<void> {
  await vscode.env.clipboard.writeText(invite);
  const message = `${subject} The invite link is on the clipboard: send it to whoever should join. You will be asked before anyone gets in.`;
  // Not awaited: the command is done, the notification may stay for long.
  void vscode.window.showInformationMessage(message, COPY_AGAIN).then(async (choice) => {
    if (choice === COPY_AGAIN) await vscode.env.clipboard.writeText(invite);
  });
}

const COPY_AGAIN = 'Copy Invite Again';
