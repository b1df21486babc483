#!/usr/bin/env node
/**
 * Stands in for the desktop `code` executable where that cannot be downloaded: takes the arguments that `@vscode/test-electron`
 * gives to it, runs the tests in a VS Code server with a headless browser, and exits with the tests' exit code.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, parseArgs } from 'node:util';
import { launchBrowser } from '../support/browser.ts';
import { startVscodeServer } from './harness/vscode-server.ts';
import { workbenchUrl } from './harness/workbench-url.ts';

const TIMEOUT_MS = 5 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    extensionDevelopmentPath: { type: 'string' },
    extensionTestsPath: { type: 'string' },
    // Switches of the desktop that mean nothing here.
    'user-data-dir': { type: 'string' },
    'extensions-dir': { type: 'string' },
    'no-sandbox': { type: 'boolean' },
    'no-cached-data': { type: 'boolean' },
    'disable-gpu-sandbox': { type: 'boolean' },
    'disable-updates': { type: 'boolean' },
    'disable-workspace-trust': { type: 'boolean' },
    'skip-welcome': { type: 'boolean' },
    'skip-release-notes': { type: 'boolean' },
  },
});

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => stop.abort(new Error(`Got ${name}`)));
const late = setTimeout(() => stop.abort(new Error(`No result after ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 1;
});
clearTimeout(late);

async function main(): Promise<number> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'peerweave-vscode-'));
  const server = await startVscodeServer({ dataDirectory, testDriver: true });
  try {
    const [folder] = positionals;
    const { extensionDevelopmentPath: extension, extensionTestsPath: tests } = values;
    return await runInBrowser(workbenchUrl({ port: server.port, folder, extension, tests }));
  } finally {
    await server.stop();
    await rm(dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Opens the workbench; the page calls `codeAutomationExit` when `run()` of the tests module has settled. */
async function runInBrowser(url: string): Promise<number> {
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    const exited = Promise.withResolvers<number>();
    stop.signal.addEventListener('abort', () => exited.reject(stop.signal.reason as Error));
    await page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
      if (process.env.PEERWEAVE_TEST_VERBOSE !== undefined) console.log(`[${type}] ${format(...args)}`);
    });
    await page.exposeFunction('codeAutomationExit', (code: number) => exited.resolve(code));
    await page.goto(url);
    return await exited.promise;
  } finally {
    await browser.close();
  }
}
