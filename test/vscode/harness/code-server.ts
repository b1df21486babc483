import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cacheDirectory, projectRoot } from './paths.ts';

/**
 * A real VS Code, fetched through npm: the package `code-server` carries the VS Code server and its web workbench. Downloads of the
 * desktop build are refused on many build machines; the npm registry is reachable wherever `npm ci` is.
 */
const VERSION = '4.139.1';

const MANIFEST = {
  name: 'peerweave-test-vscode',
  private: true,
  // npm 11 runs install scripts of listed packages only.
  allowScripts: { 'code-server': true, argon2: true },
  dependencies: { 'code-server': VERSION, node: '24' },
};

export interface CodeServer {
  /** The Node that the server's native modules were built for. */
  readonly node: string;
  /** The VS Code server inside code-server; its own front door wants a password and a proxy we have no use for. */
  readonly serverMain: string;
}

/**
 * The VS Code server, installed into the cache on first use (about 4 minutes and 620 MB), found there afterwards.
 * Throws with what to do when the install fails. An interrupted install leaves nothing that a later run would take for whole.
 */
export async function ensureCodeServer(): Promise<CodeServer> {
  const directory = join(cacheDirectory, `code-server-${VERSION}`);
  const modules = join(directory, 'node_modules');
  const server: CodeServer = {
    node: join(modules, 'node', 'bin', 'node'),
    serverMain: join(modules, 'code-server', 'lib', 'vscode', 'out', 'server-main.js'),
  };
  if (!existsSync(server.serverMain)) await install(directory);
  return server;
}

async function install(directory: string): Promise<void> {
  console.log(`Fetching VS Code (code-server ${VERSION}) into ${directory}: once, about 4 minutes and 620 MB …`);
  await mkdir(cacheDirectory, { recursive: true });
  const staging = await mkdtemp(join(cacheDirectory, 'installing-'));
  try {
    await writeFile(join(staging, 'package.json'), JSON.stringify(MANIFEST, null, 2));
    await npmInstall(staging);
    // Whoever renames first wins; a second run that installed at the same time uses the first one's copy.
    await rename(staging, directory).catch((error: unknown) => {
      if (!existsSync(directory)) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The project's own `node` goes first on PATH: the native modules must be built for the Node that will run them. */
async function npmInstall(directory: string): Promise<void> {
  const path = [join(projectRoot, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  // An outer `npm test` describes itself in `npm_*`; code-server's installer would take the Node named there for the one it gets.
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
  const child = spawn('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: directory,
    env: { ...Object.fromEntries(own), PATH: path },
    stdio: 'inherit',
    signal: AbortSignal.timeout(20 * 60_000),
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code === 0) return;
  throw new Error(
    `npm could not install code-server (exit ${String(code)}). Its native modules are compiled here: on Debian and Ubuntu ` +
      'install "build-essential python3 libkrb5-dev", then run this again.',
  );
}
