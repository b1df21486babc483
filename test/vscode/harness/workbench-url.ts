/** What a workbench is to open, as the address that the VS Code server understands. */
export interface WorkbenchTarget {
  readonly port: number;
  /** Folder to open; none for an empty window. */
  readonly folder?: string | undefined;
  /** Extension to load from its sources. */
  readonly extension?: string | undefined;
  /** Module whose `run()` is called in the extension host. */
  readonly tests?: string | undefined;
}

export function workbenchUrl(target: WorkbenchTarget): string {
  const url = new URL(`http://127.0.0.1:${target.port}/`);
  if (target.folder === undefined) url.searchParams.set('ew', 'true');
  else url.searchParams.set('folder', target.folder);
  const payload: [string, string][] = [];
  if (target.extension !== undefined) payload.push(['extensionDevelopmentPath', remote(target.extension)]);
  if (target.tests !== undefined) payload.push(['extensionTestsPath', remote(target.tests)]);
  if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}

const remote = (path: string): string => `vscode-remote://remote${path}`;
