import * as vscode from 'vscode';
import { detectsClipboard } from '../settings.ts';

/** What every invite contains, as a link or as a plain code; the engine checks the rest. */
const INVITE = /pw1-[\w-]{20,}/;

/** Asks for an invite; one that is on the clipboard is filled in already. Undefined when the user gives up. */
export async function askForInvite(): Promise<string | undefined> {
  const found = detectsClipboard() ? await inviteOnClipboard() : undefined;
  return vscode.window.showInputBox({
    title: 'Join Session',
    prompt:
      found === undefined
        ? 'Paste the invite link or code that you were sent.'
        : 'Found on the clipboard. Press Enter to use it.',
    placeHolder: `${vscode.env.uriScheme}://peerweave.peerweave/join#pw1-…`,
    value: found ?? '',
    ignoreFocusOut: true,
    validateInput: (text) => {
      if (text.trim() === '' || INVITE.test(text)) return undefined;
      return 'An invite is a link that ends in join#pw1-…, or the part that starts with pw1-.';
    },
  });
}

async function inviteOnClipboard(): Promise<string | undefined> {
  const text = (await vscode.env.clipboard.readText()).trim();
  return text.length <= 8192 && INVITE.test(text) ? text : undefined;
}
