import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { git } from '../../test/support/git.ts';
import type { BenchmarkOptions, BenchmarkResult, Target } from '../benchmark.ts';
import { generateRepository } from '../generate-repository.ts';
import { incompressible } from '../generator/random.ts';
import { SMALL } from '../generator/shape.ts';
import { ProcessMeter, type Usage } from '../measure/process-meter.ts';
import { readRef } from '../measure/ref-observer.ts';
import { startPair, type Pair } from '../pair.ts';

const MB = 1_000_000;
const FILE_BYTES = 25 * MB;
/** Each twice the one before, to show whether memory grows with size, or only until a young process has grown up. */
const SIZES_MB = [200, 400, 800] as const;
/** What comes after a join dies down in this time. */
const SETTLE_MS = 5_000;
/** How much higher the peak may be at twice the size before memory counts as growing with it. */
const FLAT = 1.15;

interface Phase {
  readonly name: string;
  readonly serving: Usage;
  readonly receiving: Usage;
}

/** Memory and CPU time of both engines of a session: doing nothing, and moving a large commit from one to the other. */
export async function benchmarkEngine({ idleSeconds, say }: BenchmarkOptions): Promise<BenchmarkResult> {
  const pair = await startPair(await generateRepository(SMALL));
  try {
    await sleep(SETTLE_MS);
    say(`idle for ${idleSeconds} s`);
    const idle = await meter(pair, 'idle', () => sleep(idleSeconds * 1_000));
    const moves: Phase[] = [];
    for (const size of SIZES_MB) {
      say(`writing and adding ${size} MB`);
      addFiles(pair.alice.repo, size);
      await sleep(SETTLE_MS);
      say(`committing ${size} MB`);
      moves.push(await meter(pair, `moving ${size} MB`, () => move(pair, `${size} MB`)));
    }
    return summarise(idle, moves);
  } finally {
    await pair.end();
  }
}

async function meter({ host, guest }: Pair, name: string, work: () => Promise<unknown>): Promise<Phase> {
  const meters = [host, guest].map(({ child }) => new ProcessMeter(child.pid!));
  await work();
  const [serving, receiving] = meters.map((each) => each.stop());
  return { name, serving: serving!, receiving: receiving! };
}

/** Adds files that do not compress to the index, ready to be committed. */
function addFiles(repo: string, megabytes: number): void {
  const folder = `large-${megabytes}`;
  mkdirSync(join(repo, folder));
  for (let file = 0; file < (megabytes * MB) / FILE_BYTES; file++) {
    writeFileSync(join(repo, folder, `${file}.bin`), incompressible(`${folder}/${file}`, FILE_BYTES));
  }
  git(repo, 'add', folder);
}

async function move({ alice, guest }: Pair, message: string): Promise<void> {
  git(alice.repo, 'commit', '--quiet', '--message', message);
  await guest.ref('refs/heads/main', readRef(join(alice.repo, '.git'), 'refs/heads/main'), { timeoutMs: 300_000 });
}

function summarise(idle: Phase, moves: readonly Phase[]): BenchmarkResult {
  const phases = [idle, ...moves];
  const sides = ['serving', 'receiving'] as const;
  const [first, half, whole] = moves.slice(-SIZES_MB.length) as [Phase, Phase, Phase];
  const targets = sides.flatMap((side): Target[] => [
    { what: `${side} engine, CPU of a core when idle`, value: cpuPercent(idle[side]), limit: 1, unit: '%' },
    { what: `${side} engine, peak memory, ${first.name}`, value: first[side].peakRss / MB, limit: 200, unit: 'MB' },
    { what: `${side} engine, peak memory, ${whole.name}`, value: whole[side].peakRss / MB, limit: 200, unit: 'MB' },
    growth(side, half, first),
    growth(side, whole, half),
  ]);
  return {
    tables: [
      {
        title: 'Engine: memory and CPU',
        columns: ['phase, side', 'seconds', 'peak RSS (MB)', 'CPU (s)', 'of git: peak RSS (MB)', 'of git: CPU (s)'],
        rows: phases.flatMap((phase) => sides.map((side) => [`${phase.name}, ${side}`, ...row(phase[side])])),
      },
    ],
    targets,
    data: phases,
  };
}

const growth = (side: 'serving' | 'receiving', larger: Phase, smaller: Phase): Target => ({
  what: `${side} engine, peak memory, ${larger.name} : ${smaller.name}`,
  value: larger[side].peakRss / smaller[side].peakRss,
  limit: FLAT,
  unit: 'x',
});

const row = (usage: Usage): string[] => [
  usage.seconds.toFixed(1),
  (usage.peakRss / MB).toFixed(0),
  usage.cpuSeconds.toFixed(2),
  (usage.childrenPeakRss / MB).toFixed(0),
  usage.childrenCpuSeconds.toFixed(2),
];

/** With the git processes that the engine starts: the user's battery does not care. */
const cpuPercent = ({ cpuSeconds, childrenCpuSeconds, seconds }: Usage): number =>
  ((cpuSeconds + childrenCpuSeconds) / seconds) * 100;
