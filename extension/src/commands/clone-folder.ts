import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';

/** Asks for a parent folder and names a new folder in it after the repository, which is not there or empty (SE10). */
export async function chooseCloneFolder(repoName: string): Promise<string | undefined> {
  const parents = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    defaultUri: vscode.Uri.file(defaultParent()),
    openLabel: 'Clone Here',
    title: `Choose the folder to put ${folderName(repoName)} in`,
  });
  const parent = parents?.[0];
  return parent === undefined ? undefined : freeFolder(parent.fsPath, folderName(repoName));
}

/** Where the Git extension clones to, when that is set. */
function defaultParent(): string {
  const configured = vscode.workspace.getConfiguration('git').get<string | null>('defaultCloneDirectory');
  return configured?.replace(/^~(?=\/|$)/, homedir()) ?? homedir();
}

/** The name comes from a peer: what is not fit for a folder on every platform becomes `-`. */
export function folderName(repoName: string): string {
  const safe = repoName
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}._ -]+/gu, '-')
    .replace(/^[. -]+|[. -]+$/g, '')
    .slice(0, 80);
  return safe === '' || RESERVED.test(safe) ? `repository-${safe}`.replace(/-$/, '') : safe;
}

/** Windows opens devices under these names, whatever the extension. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** `parent/name`, or `parent/name-2`, … when that has something in it. */
async function freeFolder(parent: string, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = join(parent, number === 1 ? name : `${name}-${number}`);
    const content = await readdir(folder).catch((error: unknown) =>
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : ['?'],
    );
    if (content.length === 0) return folder;
  }
}
