import * as vscode from 'vscode';
import { z } from 'zod';
import type { Services } from '../services.ts';
import { PeerweaveError } from '../shared/errors.ts';

const line = z.int().min(0).max(10_000_000);

/** What a lens on a conflict marker passes: the lines that go, in the version of the document that it was made for. */
const block = z.object({
  uri: z.string().max(8_192),
  version: z.int(),
  remove: z
    .array(z.tuple([line, line]))
    .min(1)
    .max(3),
});

/** Decides one conflict of a file that is open, by taking away markers and the lines that are not wanted. Not saved: undo takes it back. */
export async function takeBlock(_: Services, argument: unknown): Promise<void> {
  const asked = block.safeParse(argument);
  if (!asked.success) return;
  const { uri, version, remove } = asked.data;
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
