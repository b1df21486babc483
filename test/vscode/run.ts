/**
 * `node test/vscode/run.ts [host] [workbench] [--grep TEXT]`: the suites inside a real extension host, then people at real
 * workbenches. Writes `test-results/vscode.json`; the last line is `N passed, N failed`; the exit code says whether all passed.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureCodeServer } from './harness/code-server.ts';
import { buildProduct, buildSuites } from './harness/bundle.ts';
import type { TestResult } from './harness/mocha-result.ts';
import { projectRoot, resultsDirectory } from './harness/paths.ts';
import { runHostSuites } from './run-host-suites.ts';
import { runWorkbenchSuites } from './run-workbench-suites.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { grep: { type: 'string' } } });
const wants = (part: string): boolean => positionals.length === 0 || positionals.includes(part);

// Scripts with a `#!/usr/bin/env node` line, the launcher among them, need the project's own Node.
process.env.PATH = [join(projectRoot, 'node_modules', '.bin'), process.env.PATH].join(delimiter);

await mkdir(resultsDirectory, { recursive: true });
await ensureCodeServer();
await buildProduct();
const scratch = await mkdtemp(join(tmpdir(), 'peerweave-test-'));
const results: TestResult[] = [];
try {
  if (wants('host')) {
    await buildSuites();
    results.push(...(await runHostSuites(scratch, values.grep)));
  }
  if (wants('workbench')) results.push(...(await runWorkbenchSuites(scratch, values.grep)));
} finally {
  await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
}

const failures = results.filter(({ error }) => error !== undefined);
const failed = failures.length;
const passed = results.length - failed;
await writeFile(join(resultsDirectory, 'vscode.json'), JSON.stringify({ passed, failed, failures }, null, 2));
for (const { title } of failures) console.log(`FAILED ${title}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
