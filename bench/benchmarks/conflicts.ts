import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemGitProvider } from '../../extension/src/p2p/repo/git/provider.ts';
import type { Repository } from '../../extension/src/p2p/repo/repository.ts';
import { SyncCore } from '../../extension/src/p2p/sync/sync-core.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../extension/src/shared/ids.ts';
import { commit, git, initRepository } from '../../test/support/git.ts';
import type { BenchmarkOptions, BenchmarkResult } from '../benchmark.ts';
import { cpuSeconds } from '../measure/process-meter.ts';
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
  const merges = await timeMerges(scratch, rounds * 3, say);
  say(`planning with ${REFS} branches`);
  const plan = planMany(rounds * 5);
  say('conflicts between two engines');
  const shown = await timeShownConflicts(rounds * 10, say);
  return summarise(merges, plan, shown);
}

/** Milliseconds, and seconds of a core with those of all git processes, of each run. */
interface Runs {
  readonly ms: number[];
  readonly cpu: number[];
}

type Merges = Readonly<Record<'git merge-tree' | 'preview' | 'merge', Runs>>;

async function timeMerges(scratch: string, rounds: number, say: (text: string) => void): Promise<Merges> {
  const { root, heads } = diverge(join(scratch, 'repository'));
  const repository = await new SystemGitProvider().open(root);
  const runs: Merges = {
    'git merge-tree': { ms: [], cpu: [] },
    preview: { ms: [], cpu: [] },
    merge: { ms: [], cpu: [] },
  };
  try {
    // Once each for the caches of the disk.
    mergeTree(root, heads);
    await repository.previewMerge({ tips: heads });
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1}`);
      await swept(root);
      await timed(runs['git merge-tree'], () => mergeTree(root, heads));
      await swept(root);
      await timed(runs.preview, () => repository.previewMerge({ tips: heads }));
      await swept(root);
      await mergeCopy(root, join(scratch, `copy-${round}`), (copy) =>
        timed(runs.merge, () => copy.mergeHeads({ branch: MAIN, heads })),
      );
    }
  } finally {
    repository.dispose();
  }
  return runs;
}

/** Merges where nobody has merged before: what is in the repository already, git does not write again. */
async function mergeCopy(root: string, path: string, merge: (copy: Repository) => Promise<void>): Promise<void> {
  cpSync(root, path, { recursive: true });
  const copy = await new SystemGitProvider().open(path);
  try {
    await merge(copy);
  } finally {
    copy.dispose();
  }
}

/** What a preview wrote is removed once it has answered, and what git alone wrote here; that is not to fall to whoever is next. */
async function swept(root: string): Promise<void> {
  const staging = stagingOf(root);
  for (const name of readdirSync(staging)) {
    if (name.startsWith('alone-')) rmSync(join(staging, name), { recursive: true });
  }
  while (readdirSync(staging).length > 0) await sleep(20);
}

function stagingOf(root: string): string {
  const staging = join(root, '.git/peerweave/staging');
  mkdirSync(staging, { recursive: true });
  return staging;
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

/**
 * Merges into a folder of objects of its own, or the second run would find what the first has written; beside those of previews, as it
 * matters to a file system where thousands of files are made.
 */
function mergeTree(root: string, heads: readonly Oid[]): void {
  const objects = mkdtempSync(join(stagingOf(root), 'alone-'));
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

async function timed({ ms, cpu }: Runs, run: () => unknown): Promise<void> {
  const [started, before] = [performance.now(), cpuSeconds(process.pid)];
  await run();
  ms.push(performance.now() - started);
  cpu.push(cpuSeconds(process.pid) - before);
}

/**
 * Milliseconds of processor time to plan everything when a peer with as many branches comes: from its manifest to the last decision.
 * It is one synchronous computation, of which a busy machine only makes the clock say more.
 */
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
      const before = process.cpuUsage();
      core.handle({ type: 'manifest', peer: PEER, seq: seq + 1, refs: theirs });
      core.handle({ type: 'fetched', peer: PEER, seq: seq + 1, refused: [] });
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1_000);
    }
  }
  return { first, change };
}

function summarise(
  merges: Merges,
  plan: { readonly first: readonly number[]; readonly change: readonly number[] },
  shown: ShownConflicts,
): BenchmarkResult {
  const alone = merges['git merge-tree'];
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const against = (runs: readonly number[], others: readonly number[]): number => median(runs) / median(others);
  return {
    tables: [
      {
        title: `A divergence of ${FILES} files that both sides changed`,
        columns: ['', 'median', 'to git merge-tree', 'CPU', 'to git merge-tree'],
        rows: Object.entries(merges).map(([name, runs]) => [
          name,
          ms(median(runs.ms)),
          `${against(runs.ms, alone.ms).toFixed(2)} x`,
          `${median(runs.cpu).toFixed(2)} s`,
          `${against(runs.cpu, alone.cpu).toFixed(2)} x`,
        ]),
      },
      {
        title: `Planning ${REFS} branches of one peer, processor time`,
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
        value: against(merges.preview.ms, alone.ms),
        limit: 1.3,
        unit: 'x',
      },
      { what: `planning ${REFS} branches`, value: median(plan.first), limit: 50, unit: 'ms' },
      { what: 'conflict shown after the fetch', value: percentile(shown.sinceFetched, 0.95), limit: 300, unit: 'ms' },
    ],
    data: { merges, plan, shown },
  };
}
