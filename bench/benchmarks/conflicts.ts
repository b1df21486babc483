import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SystemGitProvider } from '../../extension/src/p2p/repo/git/provider.ts';
import { SyncCore } from '../../extension/src/p2p/sync/sync-core.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../extension/src/shared/ids.ts';
import { commit, git, initRepository } from '../../test/support/git.ts';
import type { BenchmarkOptions, BenchmarkResult } from '../benchmark.ts';
import { timeShownConflicts, type ShownConflicts } from '../measure/shown-conflicts.ts';
import { median, percentile } from '../measure/statistics.ts';

const FILES = 3_000;
const LINES = 60;
const REFS = 10_000;
const PEER = `SHA256:${'A'.repeat(43)}` as PeerId;
const MAIN = 'main' as BranchName;

/**
 * The preview of a divergence that touches 3,000 files on both sides, and the merge of it, against `git merge-tree` alone; planning in a
 * repository of 10,000 branches; and how soon a conflict is shown once what diverged has been fetched. Rounds are interleaved, so that what else the machine does falls on all alike.
 */
export async function benchmarkConflicts({ scratch, rounds, say }: BenchmarkOptions): Promise<BenchmarkResult> {
  say(`making ${FILES} files that diverge`);
  const { root, heads } = diverge(join(scratch, 'repository'));
  const repository = await new SystemGitProvider().open(root);
  const times = { 'git merge-tree': [] as number[], preview: [] as number[], merge: [] as number[] };
  try {
    // Once each for the caches of the disk.
    mergeTree(root, scratch, heads);
    await repository.previewMerge({ tips: heads });
    for (let round = 0; round < rounds * 3; round++) {
      say(`round ${round + 1}`);
      times['git merge-tree'].push(await timed(() => mergeTree(root, join(scratch, `objects-${round}`), heads)));
      times.preview.push(await timed(() => repository.previewMerge({ tips: heads })));
      // A branch of its own each time, so that the commit is new.
      const branch = `main-${round}` as BranchName;
      times.merge.push(await timed(() => repository.mergeHeads({ branch, heads })));
    }
  } finally {
    repository.dispose();
  }
  say(`planning with ${REFS} branches`);
  const plan = planMany(rounds * 5);
  say('conflicts between two engines');
  const shown = await timeShownConflicts(rounds * 10, say);
  return summarise(times, plan, shown);
}

function diverge(root: string): { root: string; heads: Oid[] } {
  initRepository(root);
  const files = (change?: { line: number; text: string }): Record<string, string> =>
    Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`src/${i % 60}/file-${i}.ts`, content(i, change)]));
  const base = commit(root, files());
  const heads = [5, 50].map((line) => {
    git(root, 'checkout', '--quiet', '-B', `side-${line}`, base);
    return commit(root, files({ line, text: `changed on line ${line}` }));
  });
  // As what a session fetched at once is: in packs.
  git(root, 'repack', '-adq');
  return { root, heads };
}

const content = (file: number, change?: { line: number; text: string }): string =>
  Array.from({ length: LINES }, (_, line) =>
    line === change?.line ? `${change.text}\n` : `line ${line} of file ${file}\n`,
  ).join('');

/** Merges into a folder of objects of its own: otherwise the second run would find what the first has written. */
function mergeTree(root: string, objects: string, heads: readonly Oid[]): void {
  mkdirSync(objects, { recursive: true });
  const { status, stderr } = spawnSync('git', ['merge-tree', '--write-tree', '-z', '--messages', ...heads], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(root, '.git', 'objects'),
    },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`git merge-tree: ${stderr}`);
}

async function timed(run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Milliseconds to plan everything when a peer with as many branches comes: from its manifest to the last decision. */
function planMany(runs: number): { first: number[]; change: number[] } {
  const tip = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid;
  const refs = (main: number): Map<RefName, Oid> => {
    const all = new Map<RefName, Oid>();
    for (let i = 0; i < REFS; i++) all.set(`refs/heads/topic/${i}` as RefName, tip(i));
    return all.set('refs/heads/main' as RefName, tip(main));
  };
  const [first, change]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const core = new SyncCore({ strategies: { session: 'auto-merge', branches: new Map() } });
    core.handle({ type: 'local-refs', refs: refs(1), head: MAIN });
    core.handle({ type: 'peer-up', peer: PEER });
    for (const [seq, times] of [first, change].entries()) {
      const theirs = refs(1 + seq);
      const started = performance.now();
      core.handle({ type: 'manifest', peer: PEER, seq: seq + 1, refs: theirs });
      core.handle({ type: 'fetched', peer: PEER, seq: seq + 1, refused: [] });
      times.push(performance.now() - started);
    }
  }
  return { first, change };
}

function summarise(
  times: Readonly<Record<string, readonly number[]>>,
  plan: { readonly first: readonly number[]; readonly change: readonly number[] },
  shown: ShownConflicts,
): BenchmarkResult {
  const middle = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
  const alone = middle['git merge-tree'] ?? NaN;
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  return {
    tables: [
      {
        title: `A divergence of ${FILES} files that both sides changed`,
        columns: ['', 'median', 'to git merge-tree'],
        rows: Object.entries(middle).map(([name, value]) => [name, ms(value), `${(value / alone).toFixed(2)} x`]),
      },
      {
        title: `Planning ${REFS} branches of one peer`,
        columns: ['', 'median', 'slowest'],
        rows: Object.entries(plan).map(([name, values]) => [
          name === 'first' ? 'all of them for the first time' : 'one that changed',
          `${median(values).toFixed(1)} ms`,
          `${Math.max(...values).toFixed(1)} ms`,
        ]),
      },
      {
        title: 'A conflict between two engines, until it is shown',
        columns: ['since', 'median', 'p95'],
        rows: [
          ['what diverged was fetched', ms(median(shown.sinceFetched)), ms(percentile(shown.sinceFetched, 0.95))],
          ['it was committed', ms(median(shown.sinceCommitted)), ms(percentile(shown.sinceCommitted, 0.95))],
        ],
      },
    ],
    targets: [
      {
        what: `preview of ${FILES} files : git merge-tree`,
        value: (middle.preview ?? NaN) / alone,
        limit: 1.3,
        unit: 'x',
      },
      { what: `planning ${REFS} branches`, value: median(plan.first), limit: 50, unit: 'ms' },
      { what: 'conflict shown after the fetch', value: percentile(shown.sinceFetched, 0.95), limit: 300, unit: 'ms' },
    ],
    data: { times, plan, shown },
  };
}
