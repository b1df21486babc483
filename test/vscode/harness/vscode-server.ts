import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureCodeServer } from './code-server.ts';
import { startGroup, type ProcessGroup } from './process-group.ts';

export interface VscodeServerOptions {
  /** Extensions, settings, logs and state of this server; two servers with two directories are two people. */
  readonly dataDirectory: string;
  /** Added to the environment of the extension host. */
  readonly env?: NodeJS.ProcessEnv;
  /** Workspace trust on: folders open in Restricted Mode. */
  readonly askForTrust?: boolean;
  /** Load an extension and tests from paths in the page's address. Notifications do not pop up then. */
  readonly testDriver?: boolean;
  /** What the person has in `settings.json`. */
  readonly settings?: Record<string, unknown>;
}

export interface VscodeServer {
  readonly port: number;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** Starts a VS Code server on a free port of the loopback interface and resolves when it listens. */
export async function startVscodeServer(options: VscodeServerOptions): Promise<VscodeServer> {
  const { node, serverMain } = await ensureCodeServer();
  // Settings that belong to a machine are read from a file of their own where the files are on another one, as here.
  for (const place of ['User', 'Machine']) {
    const folder = join(options.dataDirectory, 'data', place);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'settings.json'), JSON.stringify(options.settings ?? {}));
  }
  const args = [
    serverMain,
    ...['--host', '127.0.0.1', '--port', '0'],
    ...['--server-data-dir', options.dataDirectory],
    '--without-connection-token',
    '--accept-server-license-terms',
    '--disable-telemetry',
    ...(options.testDriver === true ? ['--enable-smoke-test-driver'] : []),
    ...(options.askForTrust === true ? [] : ['--disable-workspace-trust']),
  ];
  const group = startGroup(node, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    return { port: await listening(group, join(options.dataDirectory, 'server.log')), stop: () => group.stop() };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** The port from the server's own words; everything it says goes to `logFile`. */
async function listening({ child }: ProcessGroup, logFile: string): Promise<number> {
  const log = createWriteStream(logFile);
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  const lines = createInterface({ input: child.stdout! });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`VS Code server did not start; see ${logFile}`)), START_TIMEOUT_MS);
    child.once('exit', (code) => reject(new Error(`VS Code server ended with ${String(code)}; see ${logFile}`)));
    child.once('error', reject);
    lines.on('line', (line) => {
      const port = /listening on (\d+)/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}
