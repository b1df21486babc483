import { readFile, writeFile } from 'node:fs/promises';
import type Mocha from 'mocha';

/** One test of a mocha run; `error` is the stack of a failure. */
export interface TestResult {
  readonly title: string;
  readonly error?: string;
}

/** Runs suites that are loaded; mocha's own reporter prints as it goes. */
export function runMocha(mocha: Mocha): Promise<TestResult[]> {
  return new Promise((resolve) => {
    const results: TestResult[] = [];
    const runner = mocha.run(() => resolve(results));
    runner.on('pass', (test) => results.push({ title: test.fullTitle() }));
    runner.on('fail', (test, error: Error) =>
      results.push({ title: test.fullTitle(), error: error.stack ?? error.message }),
    );
  });
}

export const saveResults = (file: string, results: readonly TestResult[]): Promise<void> =>
  writeFile(file, JSON.stringify(results, null, 2));

/** The results in `file`, or one failure named `name` when the run died before it could write. */
export async function loadResults(file: string, name: string): Promise<TestResult[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TestResult[];
  } catch {
    return [{ title: name, error: 'ended without a result' }];
  }
}
