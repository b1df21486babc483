import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureCodeServer } from './code-server.ts';
import { projectRoot } from './paths.ts';

const run = promisify(execFile);

/** Packs the extension the way it is published, so that what people install is what is tested. */
export async function packExtension(directory: string): Promise<string> {
  const file = join(directory, 'peerweave.vsix');
  const vsce = join(projectRoot, 'node_modules', '.bin', 'vsce');
  // Links in the README are for whoever publishes; there is no public repository to point them at here.
  const options = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
  await run(vsce, ['package', ...options, '-o', file], { cwd: projectRoot });
  return file;
}

export async function installExtension(vsix: string, dataDirectory: string): Promise<void> {
  const { node, serverMain } = await ensureCodeServer();
  await run(node, [
    serverMain,
    '--install-extension',
    vsix,
    '--server-data-dir',
    dataDirectory,
    '--accept-server-license-terms',
  ]);
}
