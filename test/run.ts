/**
 * `npm test`: every suite, in the order in which a failure is cheapest to find. Prints what each did and closes with one line
 * `N passed, N failed` for all together. Fails when anything fails, and when a suite ran no test at all.
 *
 *     node test/run.ts [suite …]      static · unit · contract · sim · integration · nat · vscode
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const results = join(root, 'test-results');
const bin = join(root, 'node_modules', '.bin');
process.env.PATH = `${bin}:${process.env.PATH ?? ''}`;

interface Count {
  passed: number;
  failed: number;
}

/** What failed and why, said again at the end: the middle of a log of thousands of tests is often all that is cut from it. */
const failures: string[] = [];

interface VitestReport {
  readonly testResults?: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** The failed tests of a report of vitest, each with the start of what it says. */
function rememberFailures(report: VitestReport): void {
  for (const { name, message, assertionResults } of report.testResults ?? []) {
    const file = relative(root, name);
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0 && message) failures.push(`${file}\n${message.slice(0, 1500)}`);
    for (const { fullName, failureMessages } of failed)
      failures.push(`${file} > ${fullName}\n${(failureMessages ?? []).join('\n').slice(0, 1500)}`);
  }
}

/** Runs one command with its output shown; true when it exits 0. */
function run(command: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  return status === 0;
}

/** A command whose exit code is its one result. */
function check(command: string, ...args: string[]): Count {
  if (run(command, args)) return { passed: 1, failed: 0 };
  failures.push([command, ...args].join(' '));
  return { passed: 0, failed: 1 };
}

function vitest(project: string): Count {
  const report = join(results, `${project}.json`);
  rmSync(report, { force: true });
  const passed = run('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  return counted(report, passed, (json) => {
    rememberFailures(json);
    return {
      passed: Number(json.numPassedTests),
      // A file that cannot even be loaded is a failed suite without a failed test.
      failed: Number(json.numFailedTests) || Number(json.numFailedTestSuites),
    };
  });
}

function vscode(): Count {
  const report = join(results, 'vscode.json');
  rmSync(report, { force: true });
  const passed = run('node', ['test/vscode/run.ts']);
  return counted(report, passed, (json) => ({ passed: Number(json.passed), failed: Number(json.failed) }));
}

/** The one suite that may run nothing, where the machine lets nobody make network namespaces: it says so itself, and counts as nothing. */
function nat(): Count {
  const report = join(results, 'nat-suite.json');
  rmSync(report, { force: true });
  const passed = run('node', ['test/nat/run.ts']);
  const skipped = passed && (JSON.parse(readFileSync(report, 'utf8')) as { skipped?: string }).skipped !== undefined;
  if (skipped) return { passed: 0, failed: 0 };
  if (!passed) rememberFailures(JSON.parse(readFileSync(join(results, 'nat-vitest.json'), 'utf8')) as VitestReport);
  return counted(report, passed, (json) => ({ passed: Number(json.passed), failed: Number(json.failed) }));
}

/** What a suite's report says; a suite that failed without saying so, or ran nothing, counts as one failure. */
function counted(report: string, exitedClean: boolean, read: (json: Record<string, unknown>) => Count): Count {
  let count: Count = { passed: 0, failed: 0 };
  try {
    count = read(JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>);
  } catch (error) {
    console.error(`No report at ${report}: ${String(error)}`);
  }
  if (count.passed + count.failed === 0) console.error('This suite ran no test.');
  const silent = count.failed === 0 && (!exitedClean || count.passed === 0);
  return silent ? { ...count, failed: 1 } : count;
}

const suites: Record<string, () => Count[]> = {
  static: () => [
    check('prettier', '--check', '.'),
    check('tsc', '-b'),
    check('npm', 'run', '--silent', 'lint'),
    check('npm', 'run', '--silent', 'build'),
  ],
  unit: () => [vitest('unit')],
  contract: () => [vitest('contract')],
  sim: () => [vitest('sim')],
  integration: () => [vitest('integration')],
  nat: () => [nat()],
  vscode: () => [vscode()],
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites);
mkdirSync(results, { recursive: true });
const total: Count = { passed: 0, failed: 0 };
for (const name of chosen) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`No suite ${name}. There are: ${Object.keys(suites).join(', ')}.`);
  console.log(`\n== ${name} ==`);
  const started = performance.now();
  const counts = suite();
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  total.passed += passed;
  total.failed += failed;
  console.log(`-- ${name}: ${passed} ok, ${failed} not, ${Math.round((performance.now() - started) / 1000)} s`);
}
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
