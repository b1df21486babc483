import * as vscode from 'vscode';
import type { Disposable } from '../shared/disposable.ts';
import type { ApprovalView } from '../rpc/model.ts';
import type { Decision } from '../commands/approve.ts';
import { plain } from './plain-text.ts';
import type { SessionModel } from './session-model.ts';

const CHOICES: Record<string, Decision> = { Allow: 'allow', 'Allow and Remember': 'remember', Refuse: 'refuse' };

/**
 * Asks once for every guest that waits. VS Code cannot take a notification back, so one that was settled elsewhere (in the
 * tree, by another owner, by time) stays until it is closed; an answer to it then only says that there is nothing to settle.
 */
export function promptForApprovals(
  model: SessionModel,
  decide: (repo: string, id: string, decision: Decision) => Promise<void>,
): Disposable {
  let asked = new Set<string>();
  return model.onDidChange(() => {
    const waiting = model.sessions.flatMap(({ repo, repoName, approvals }) =>
      approvals.map((approval) => ({ repo, repoName, approval })),
    );
    for (const { repo, repoName, approval } of waiting) {
      if (!asked.has(approval.id))
        void ask(repoName, approval).then((decision) => decision && decide(repo, approval.id, decision));
    }
    asked = new Set(waiting.map(({ approval }) => approval.id));
  });
}

async function ask(repoName: string, { name, fingerprint, remote }: ApprovalView): Promise<Decision | undefined> {
  const message = `${plain(name)} wants to join ${plain(repoName)} from ${plain(remote)}. Fingerprint: ${plain(fingerprint)}`;
  const choice = await vscode.window.showInformationMessage(message, ...Object.keys(CHOICES));
  return choice === undefined ? undefined : CHOICES[choice];
}
