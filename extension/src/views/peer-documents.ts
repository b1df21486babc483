import * as vscode from 'vscode';
import type { Request } from '../engineClient.ts';
import type { FileVersion } from '../rpc/conflicts.ts';
import type { Disposable } from '../shared/disposable.ts';
import { PeerweaveError } from '../shared/errors.ts';
import { bytes } from './units.ts';

const SCHEME = 'peerweave';

/** The read-only document of a file as a commit has it: `peerweave:/<path>?<json {repo, commit}>`. Empty where the commit has no such file. */
export function peerUri(repo: string, commit: string, path: string): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/${path}`, query: JSON.stringify({ repo, commit }) });
}

/** Serves those documents from the engine. A commit does not change, so neither does a document. */
export function providePeerDocuments(request: Request): Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: async (uri) => {
      const { decodePeerDocument } = await import('../deferred.ts');
      const { repo, commit } = decode(() => decodePeerDocument(uri.query));
      const { version } = await request('peerweave/fileAt', { repo, commit, path: uri.path.slice(1) });
      return textOf(version);
    },
  });
}

function decode<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new PeerweaveError('bad-request', 'This is not the address of a version of a file.', { cause });
  }
}

/** Text as it is; of what is none, a line that says so. */
function textOf(version: FileVersion): string {
  if (version === null) return '';
  switch (version.kind) {
    case 'text':
    case 'link':
      return version.text ?? '';
    case 'binary':
      return `This file is binary (${bytes(version.bytes)}).\n`;
    case 'too-large':
      return `This file is too large to be shown (${bytes(version.bytes)}).\n`;
    case 'submodule':
      return version.text ?? 'This is a submodule.\n';
  }
}
