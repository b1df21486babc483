import { realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';

/** Where the file of an open document really is: an editor may have come to it through a link. */
export class OpenPaths {
  private readonly paths = new Map<string, Promise<string | undefined>>();

  /** Undefined for what is no file, or none that exists. Found out once while the document is open. */
  of(uri: string): Promise<string | undefined> {
    const known = this.paths.get(uri);
    if (known !== undefined) return known;
    const path = resolved(uri);
    this.paths.set(uri, path);
    return path;
  }

  closed(uri: string): void {
    this.paths.delete(uri);
  }
}

async function resolved(uri: string): Promise<string | undefined> {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return await realpath(fileURLToPath(uri));
  } catch {
    // Deleted meanwhile, or a name that this system cannot have.
    return undefined;
  }
}

/** Open documents by where they are. */
export async function textsByPath(
  documents: readonly TextDocument[],
  paths: OpenPaths,
): Promise<ReadonlyMap<string, TextDocument>> {
  const found = await Promise.all(documents.map(async (document) => [await paths.of(document.uri), document] as const));
  return new Map(found.flatMap(([path, document]) => (path === undefined ? [] : [[path, document] as const])));
}
