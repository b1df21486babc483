import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { whyNoLab } from './lab/permission.ts';

/**
 * The NAT laboratory as a suite: `npm run test:nat [-- --full] [-- file …]`. Without `--full`, some pairs of homes and small transfers;
 * with it, all pairs and large ones. Leaves `test-results/nat-suite.json` for test/run.ts. Where no laboratory can be built it says why,
 * runs nothing and exits 0; the report then has `skipped` instead of counts that would look like success.
 */
export interface NatReport {
  readonly passed: number;
  readonly failed: number;
  /** Why nothing was run. */
  readonly skipped?: string;
}

const root = resolve(import.meta.dirname, '../..');
const results = join(root, 'test-results');
const report = join(results, 'nat-suite.json');

function runSuite(args: readonly string[]): NatReport {
  const output = join(results, 'nat-vitest.json');
  rmSync(output, { force: true });
  const options = ['--project', 'nat', '--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  // One file after another: what is measured in one should not be the work of another.
  const { status } = spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    ['run', ...options, '--no-file-parallelism', ...args.filter((arg) => arg !== '--full')],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...(args.includes('--full') && { PEERWEAVE_NAT_FULL: '1' }) },
    },
  );
  const json = JSON.parse(readFileSync(output, 'utf8')) as Record<string, unknown>;
  const failed = Number(json.numFailedTests) || Number(json.numFailedTestSuites);
  return { passed: Number(json.numPassedTests), failed: failed === 0 && status !== 0 ? 1 : failed };
}

mkdirSync(results, { recursive: true });
rmSync(report, { force: true });
const why = whyNoLab();
if (why !== undefined) console.log(`The NAT laboratory was SKIPPED: ${why}.`);
const outcome: NatReport = why === undefined ? runSuite(process.argv.slice(2)) : { passed: 0, failed: 0, skipped: why };
writeFileSync(report, `${JSON.stringify(outcome)}\n`);
process.exit(outcome.failed === 0 ? 0 : 1);
