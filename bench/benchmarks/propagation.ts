import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { git, revParse } from '../../test/support/git.ts';
import { PushAndFetch } from '../baseline/push-and-fetch.ts';
import type { BenchmarkOptions, BenchmarkResult } from '../benchmark.ts';
import { generateRepository, type GeneratedRepository } from '../generate-repository.ts';
import { createRandom } from '../generator/random.ts';
import { SMALL } from '../generator/shape.ts';
import { readRef, RefObserver } from '../measure/ref-observer.ts';
import { percentile } from '../measure/statistics.ts';
import { startPair, workingCopy } from '../pair.ts';

const BRANCH = 'refs/heads/main';
/** Commits of one contender before it is the other's turn. */
const BATCH = 10;
/** Rest between commits, in milliseconds; of varying length, so that it cannot fall in step with anybody's timers. */
const [LEAST_REST, MOST_REST] = [150, 350];

interface Contender {
  readonly name: string;
  /** The worktree that is committed in, and the one that follows. */
  readonly from: string;
  readonly to: string;
  readonly observer: RefObserver;
  /** What has to be done after a commit; nothing where it happens by itself. */
  readonly afterCommit: () => Promise<void>;
  readonly times: number[];
}

/** From `git commit` returning on one side until the branch has moved on the other: Peerweave against a script. */
export async function benchmarkPropagation(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const repository = await generateRepository(SMALL);
  const pair = await startPair(repository);
  const { from, to } = scriptedPair(repository, options.scratch);
  const script = new PushAndFetch(from, to);
  const contenders = [
    contender('peerweave', pair.alice.repo, pair.bob.repo, async () => undefined),
    contender('git push, fetch, merge --ff-only', from, to, () => script.run()),
  ];
  try {
    await alternate(contenders, options);
    for (const each of contenders) verify(each);
    return summarise(contenders);
  } finally {
    for (const { observer } of contenders) observer.close();
    await script.stop();
    await pair.end();
  }
}

/** Two worktrees of the same repository with a bare one between them, as over a file server. */
function scriptedPair(repository: GeneratedRepository, scratch: string): { from: string; to: string } {
  const [bare, from, to] = [join(scratch, 'hub.git'), join(scratch, 'from'), join(scratch, 'to')];
  git('/', 'clone', '--quiet', '--bare', '--local', repository.path, bare);
  for (const folder of [from, to]) {
    workingCopy(repository, folder);
    git(folder, 'remote', 'add', 'origin', bare);
    git(folder, 'fetch', '--quiet', 'origin');
  }
  return { from, to };
}

const contender = (name: string, from: string, to: string, afterCommit: () => Promise<void>): Contender => ({
  name,
  from,
  to,
  observer: new RefObserver(join(to, '.git'), BRANCH),
  afterCommit,
  times: [],
});

/** Batches of both in turn: whatever else the machine does meets both. */
async function alternate(contenders: readonly Contender[], { commits, say }: BenchmarkOptions): Promise<void> {
  const random = createRandom('propagation');
  // The first of each is thrown away: caches fill, code is compiled.
  for (const each of contenders) await one(each);
  for (const each of contenders) each.times.length = 0;
  for (let done = 0; done < commits; done += BATCH) {
    for (const each of contenders) {
      for (let n = 0; n < Math.min(BATCH, commits - done); n++) {
        await sleep(random.between(LEAST_REST, MOST_REST));
        await one(each);
      }
    }
    say(
      contenders.map(({ name, times }) => `${name} ${percentile(times.slice(-BATCH), 0.5).toFixed(0)} ms`).join(', '),
    );
  }
}

/** A commit that changes one file, as people make them. */
async function one({ from, observer, afterCommit, times }: Contender): Promise<void> {
  appendFileSync(join(from, 'src/part-0/part-0/file-0.ts'), `// ${times.length}\n`);
  git(from, 'commit', '--quiet', '--all', '--message', `Commit ${times.length}`);
  const committed = performance.now();
  const oid = readRef(join(from, '.git'), BRANCH);
  const [moved] = await Promise.all([observer.at(oid), afterCommit()]);
  times.push(moved - committed);
}

/** Both ends hold the same commit and the same files. */
function verify({ name, from, to }: Contender): void {
  const same = revParse(from, 'HEAD') === revParse(to, 'HEAD') && git(to, 'status', '--porcelain') === '';
  if (!same) throw new Error(`${name} left ${to} different from ${from}`);
}

function summarise(contenders: readonly Contender[]): BenchmarkResult {
  const figures = contenders.map(({ name, times }) => ({
    name,
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    best: Math.min(...times),
    worst: Math.max(...times),
  }));
  const [ours, theirs] = figures;
  if (ours === undefined || theirs === undefined) throw new Error('there must be two contenders');
  return {
    tables: [
      {
        title: `Propagation of a commit: ${contenders[0]!.times.length} of each, in milliseconds`,
        columns: ['contender', 'p50', 'p95', 'best', 'worst'],
        rows: figures.map(({ name, p50, p95, best, worst }) => [
          name,
          ...[p50, p95, best, worst].map((ms) => ms.toFixed(0)),
        ]),
      },
    ],
    targets: [
      { what: 'propagation p50 : push-and-fetch script', value: ours.p50 / theirs.p50, limit: 1, unit: 'x' },
      { what: 'propagation p50', value: ours.p50, limit: 150, unit: 'ms' },
    ],
    data: Object.fromEntries(contenders.map(({ name, times }) => [name, times])),
  };
}
