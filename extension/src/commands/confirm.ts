import * as vscode from 'vscode';

/** Asks before something is done that moves a branch; `detail` says what happens and what is kept. */
export async function confirm(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}
