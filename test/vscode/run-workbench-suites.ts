import { globSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { runMocha, type TestResult } from './harness/mocha-result.ts';
import { projectRoot } from './harness/paths.ts';
import { packExtension } from './harness/vsix.ts';

/** The suites in which Playwright sits at one or two workbenches. */
export async function runWorkbenchSuites(scratch: string, grep?: string): Promise<TestResult[]> {
  // Packed once: every suite installs the same build, whoever builds meanwhile.
  process.env.PEERWEAVE_TEST_VSIX = await packExtension(scratch);
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: 'spec', ...(grep === undefined ? {} : { grep }) });
  for (const file of globSync('test/vscode/workbench/*.test.ts', { cwd: projectRoot }).sort())
    mocha.addFile(join(projectRoot, file));
  await mocha.loadFilesAsync();
  return runMocha(mocha);
}
