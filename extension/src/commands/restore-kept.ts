import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { ago } from '../views/ago.ts';
import { short } from '../views/conflict-words.ts';
import { nowForPeople } from '../views/moment.ts';
import { plain } from '../views/plain-text.ts';
import { isLive } from '../views/view-state.ts';
import { branchNameProblem } from './branch-name.ts';
import { chooseSession } from './choose.ts';
import { sayQuietly } from './settle.ts';

/** Makes a commit that lost to another, and was kept (CO4), a branch of its own. */
export async function restoreKept({ engine, model }: Services): Promise<void> {
  const session = await chooseSession(model, undefined, isLive);
  if (session === undefined) return;
  const { repo } = session;
  const { kept } = await engine.request('peerweave/kept', { repo });
  if (kept.length === 0) {
    void vscode.window.showInformationMessage('Nothing is kept: no commit of this session has lost to another.');
    return;
  }
  const times = nowForPeople();
  const items = [...kept]
    .sort((a, b) => (b.keptAt ?? 0) - (a.keptAt ?? 0))
    .map(({ branch, tip, keptAt }) => ({
      label: `$(git-commit) ${short(tip)}`,
      description: plain(branch),
      detail: keptAt === undefined ? '' : `kept ${ago(keptAt * 1000, times)}`,
      tip,
      branch,
    }));
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: 'Which commit?',
    matchOnDescription: true,
  });
  if (chosen === undefined) return;
  const name = await vscode.window.showInputBox({
    title: 'Restore Kept Commit',
    prompt: `${short(chosen.tip)}, which ${plain(chosen.branch)} had, becomes this branch.`,
    value: `${chosen.branch}-${short(chosen.tip)}`,
    ignoreFocusOut: true,
    validateInput: branchNameProblem,
  });
  if (name === undefined) return;
  await engine.request('peerweave/restoreKept', { repo, tip: chosen.tip, name: name.trim() });
  sayQuietly(`${plain(name)} is at ${short(chosen.tip)}`);
}
