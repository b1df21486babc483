import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { PeerweaveError } from '../shared/errors.ts';

/** Decides one conflict of a file that is open, by taking away markers and the lines that are not wanted. Not saved: undo takes it back. */
export async function takeBlock(_: Services, argument: unknown): Promise<void> {
  const { decodeMarkerBlock } = await import('../deferred.ts');
  const asked = decodeMarkerBlock(argument);
  if (asked === undefined) return;
  const { uri, version, remove } = asked;
  const document = vscode.workspace.textDocuments.find(
    (one) => one.uri.toString() === vscode.Uri.parse(uri).toString(),
  );
  if (document?.version !== version) {
    throw new PeerweaveError('bad-request', 'The file has changed since. Choose again.');
  }
  const edit = new vscode.WorkspaceEdit();
  for (const [from, to] of remove) edit.delete(document.uri, new vscode.Range(from, 0, to, 0));
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new PeerweaveError('bad-request', 'The editor did not take the change: the file may be read-only.');
  }
}
