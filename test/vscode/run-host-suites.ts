import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { loadResults, type TestResult } from './harness/mocha-result.ts';
import { projectRoot, suitesDirectory } from './harness/paths.ts';
import { personEnvironment } from './harness/person.ts';

/**
 * The mocha suites in the extension host of one window. `PEERWEAVE_VSCODE` names a desktop VS Code to use instead of the server.
 */
export async function runHostSuites(scratch: string, grep?: string): Promise<TestResult[]> {
  const resultFile = join(scratch, 'host.json');
  const folder = join(scratch, 'workspace');
  await mkdir(folder, { recursive: true });
  try {
    await runTests({
      vscodeExecutablePath: process.env.PEERWEAVE_VSCODE ?? join(projectRoot, 'test', 'vscode', 'launcher.ts'),
      extensionDevelopmentPath: projectRoot,
      extensionTestsPath: join(suitesDirectory, 'index.cjs'),
      launchArgs: [
        folder,
        `--user-data-dir=${join(scratch, 'user')}`,
        `--extensions-dir=${join(scratch, 'extensions')}`,
      ],
      extensionTestsEnv: {
        ...(await personEnvironment('Host Suites', join(scratch, 'home'))),
        PEERWEAVE_TEST_RESULT: resultFile,
        ...(grep === undefined ? {} : { PEERWEAVE_TEST_GREP: grep }),
      },
    });
  } catch {
    // A failed test makes the window exit non-zero; the results say which.
  }
  const results = await loadResults(resultFile, 'extension host');
  for (const { title, error } of results) console.log(error === undefined ? `  ✔ ${title}` : `  ✘ ${title}\n${error}`);
  return results;
}
