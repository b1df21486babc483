/**
 * `npm run sim:long [-- SEEDS]`: the simulator with 100,000 seeds, or as many as are asked for, on all cores but one. Stops at the first
 * seeds that fail and says how to play them again.
 */
import { availableParallelism } from 'node:os';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { simulate } from './simulation.ts';

interface Share {
  readonly first: number;
  readonly step: number;
  readonly last: number;
}

const PROGRESS_EVERY = 1_000;

/** Plays every `step`-th seed, and posts how many are done. Throws at the first that fails. */
function playShare({ first, step, last }: Share): void {
  let done = 0;
  for (let seed = first; seed <= last; seed += step) {
    try {
      simulate(seed);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`seed ${seed}: ${what}\nreplay with: SEED=${seed} npx vitest run --project sim`, {
        cause: error,
      });
    }
    done += 1;
    if (done % PROGRESS_EVERY === 0 || seed + step > last) {
      parentPort?.postMessage(done);
      done = 0;
    }
  }
}

async function playAll(seeds: number): Promise<void> {
  const workers = Math.max(2, availableParallelism() - 1);
  const started = performance.now();
  let played = 0;
  const shares = Array.from({ length: workers }, (_, i) => i + 1).map(async (first) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { first, step: workers, last: seeds } });
    worker.on('message', (done: number) => {
      played += done;
      console.log(`${played} of ${seeds} seeds, ${Math.round((performance.now() - started) / 1_000)} s`);
    });
    await new Promise<void>((resolve, reject) => worker.once('error', reject).once('exit', () => resolve()));
  });
  const failed = (await Promise.allSettled(shares)).filter((share) => share.status === 'rejected');
  for (const { reason } of failed) console.error(reason instanceof Error ? reason.message : reason);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

if (isMainThread) await playAll(Number(process.argv[2] ?? 100_000));
else playShare(workerData as Share);
