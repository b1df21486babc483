/**
 * `npm run bench [-- NAME …]`: runs benchmarks against what people would use instead, prints tables and writes everything that was
 * measured to bench-results/. Exits 0 whether targets are met or not, and 1 when a benchmark could not be run.
 *
 *     node bench/run.ts [join] [propagation] [engine] [server] [tiers] [conflicts] [webview] [--rounds=3] [--commits=200] [--idle=20]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { tempFolder } from '../test/support/git.ts';
import type { Benchmark, BenchmarkResult } from './benchmark.ts';
import { benchmarkConflicts } from './benchmarks/conflicts.ts';
import { benchmarkEngine } from './benchmarks/engine.ts';
import { benchmarkJoin } from './benchmarks/join.ts';
import { benchmarkPropagation } from './benchmarks/propagation.ts';
import { benchmarkServer } from './benchmarks/server.ts';
import { benchmarkTiers } from './benchmarks/tiers.ts';
import { benchmarkWebview } from './benchmarks/webview.ts';
import { describeMachine } from './measure/machine.ts';
import { renderReport } from './report.ts';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  join: benchmarkJoin,
  propagation: benchmarkPropagation,
  engine: benchmarkEngine,
  server: benchmarkServer,
  conflicts: benchmarkConflicts,
  tiers: benchmarkTiers,
  webview: benchmarkWebview,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    commits: { type: 'string', default: '200' },
    idle: { type: 'string', default: '20' },
  },
});

async function main(): Promise<void> {
  const chosen = positionals.length > 0 ? positionals : Object.keys(benchmarks);
  const machine = describeMachine();
  const date = new Date().toISOString();
  const results: Record<string, BenchmarkResult> = {};
  for (const name of chosen) {
    const benchmark = benchmarks[name];
    if (benchmark === undefined)
      throw new Error(`No benchmark ${name}. There are: ${Object.keys(benchmarks).join(', ')}.`);
    results[name] = await runOne(name, benchmark);
  }
  const report = renderReport(date.slice(0, 10), machine, Object.values(results));
  console.log(`\n${report}`);
  const folder = resolve(import.meta.dirname, '..', 'bench-results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${date.replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(file, `${JSON.stringify({ date, machine, results }, null, 2)}\n`);
  console.log(`\nEverything that was measured: ${file}`);
}

async function runOne(name: string, benchmark: Benchmark): Promise<BenchmarkResult> {
  const folder = tempFolder();
  const started = performance.now();
  const say = (text: string): void => {
    const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(6);
    console.error(`${seconds} s  ${name}: ${text}`);
  };
  try {
    return await benchmark({
      scratch: folder.path,
      rounds: count('rounds'),
      commits: count('commits'),
      idleSeconds: count('idle'),
      say,
    });
  } finally {
    folder.remove();
  }
}

function count(option: keyof typeof values): number {
  const value = Number(values[option]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} wants a number of at least 1.`);
  return value;
}

await main();
