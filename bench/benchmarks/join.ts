import { dirname, join } from 'node:path';
import { World } from '../../test/support/people.ts';
import { startGitDaemon } from '../baseline/git-daemon.ts';
import { startSshServer } from '../baseline/ssh-server.ts';
import { timeGit } from '../baseline/stock-git.ts';
import type { StockServer } from '../baseline/stock-server.ts';
import type { BenchmarkOptions, BenchmarkResult, Target } from '../benchmark.ts';
import { generateRepository, type GeneratedRepository } from '../generate-repository.ts';
import { LARGE } from '../generator/shape.ts';
import { joinSession, settle, verifyClone, type JoinTimes } from '../joining.ts';
import {
  countChildren,
  cpuSeconds,
  endedChildrenCpuSeconds,
  untilChildren,
  untilQuiet,
} from '../measure/process-meter.ts';
import { median } from '../measure/statistics.ts';
import { workingCopy } from '../pair.ts';

interface JoinCost extends JoinTimes {
  /** Seconds of a core on both sides, git included: less at the mercy of what else the machine does. */
  readonly cpu: number;
}

interface Contender {
  readonly name: string;
  /** The serving process. */
  readonly server: number;
  readonly run: (folder: string) => Promise<JoinTimes>;
  /** It fetches the tip only, for reference. */
  readonly shallow?: boolean;
}

const PEERWEAVE = 'peerweave join';
const DAEMON = 'git clone, git daemon';
const SSH = 'git clone, OpenSSH';

/** Joining a large repository against cloning it with stock git, all over loopback TCP from one and the same repository. */
export async function benchmarkJoin(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { scratch, rounds, say } = options;
  say('making the repository, if it is not there from an earlier run');
  const repository = await generateRepository(LARGE);
  const world = new World();
  const servers: StockServer[] = [];
  try {
    const alice = world.person('alice');
    workingCopy(repository, alice.repo);
    const root = dirname(alice.repo);
    const daemon = await startGitDaemon(root);
    servers.push(daemon);
    const ssh = await startSshServer(root, scratch);
    if (ssh === undefined) say('there is no OpenSSH server here; its rows are left out');
    else servers.push(ssh);
    const host = world.share(alice, '--approve', 'auto');
    const invite = await host.invite();
    // Servers are up before the clock starts, and an engine that shares prepares for clones.
    await untilQuiet(host.child.pid!);
    const contenders: Contender[] = [
      { name: PEERWEAVE, server: host.child.pid!, run: (folder) => joinSession(world, folder, invite) },
      stock(DAEMON, daemon),
      ...(ssh === undefined
        ? []
        : [stock(SSH, ssh), stock(`${SSH}, fsckObjects`, ssh, '-c', 'transfer.fsckObjects=true')]),
      { ...stock(`${DAEMON}, --depth 1`, daemon, '--depth', '1'), shallow: true },
    ];
    const times = await race(contenders, { rounds, say, repository, origin: alice.repo, scratch });
    return summarise(repository, contenders, times);
  } finally {
    for (const server of servers) await server.stop();
    await world.end();
  }
}

const stock = (name: string, server: StockServer, ...flags: string[]): Contender => ({
  name,
  server: server.pid,
  run: async (folder) => {
    const elapsed = await timeGit(['clone', '--quiet', ...flags, server.url('project'), folder], server.env);
    return { usable: elapsed, complete: elapsed };
  },
});

interface Race {
  readonly rounds: number;
  readonly say: (text: string) => void;
  readonly repository: GeneratedRepository;
  readonly origin: string;
  readonly scratch: string;
}

/**
 * Every contender once a round, each round begun by another, so that noise and order hit all alike. The clones stay until the end of the
 * run: ext4 without a journal looks at every inode that was freed in the last minutes before it gives one to a new file, so that whoever
 * checks out after thousands of files were removed pays for them (docs/BENCHMARKS.md).
 */
async function race(
  contenders: readonly Contender[],
  { rounds, say, repository, origin, scratch }: Race,
): Promise<JoinCost[][]> {
  const times: JoinCost[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      const contender = contenders[index]!;
      const folder = join(scratch, `clone-${round}-${index}`);
      settle(origin);
      const taken = await measure(contender, folder);
      verifyClone(folder, repository, contender);
      times[index]!.push(taken);
      say(
        `round ${round + 1}, ${contender.name}: ${seconds(taken.complete)} s, usable after ${seconds(taken.usable)} s`,
      );
    }
  }
  return times;
}

async function measure({ run, server }: Contender, folder: string): Promise<JoinCost> {
  const children = countChildren(server);
  const before = cpuSeconds(server) + endedChildrenCpuSeconds();
  const times = await run(folder);
  // A server's child counts with its parent only when it has ended.
  await untilChildren(server, children);
  return { ...times, cpu: cpuSeconds(server) + endedChildrenCpuSeconds() - before };
}

function summarise(
  repository: GeneratedRepository,
  contenders: readonly Contender[],
  times: readonly JoinCost[][],
): BenchmarkResult {
  const of = (name: string, what: keyof JoinCost): number[] =>
    times[contenders.findIndex((contender) => contender.name === name)]?.map((taken) => taken[what]) ?? [];
  const ratio = (what: keyof JoinCost, against: string): number => {
    const theirs = of(against, 'complete');
    return median(of(PEERWEAVE, what).map((value, round) => value / theirs[round]!));
  };
  const rivals = [DAEMON, SSH].filter((name) => of(name, 'complete').length > 0);
  const targets = rivals.flatMap((rival): Target[] => [
    { what: `join, everything : ${rival}`, value: ratio('complete', rival), limit: 1.15, unit: 'x' },
    { what: `join, tip usable : ${rival}`, value: ratio('usable', rival), limit: 0.3, unit: 'x' },
  ]);
  const { packBytes, objects, commits, treeBytes } = repository;
  const size = `${megabytes(packBytes)} MB pack, ${objects} objects, ${commits} commits, ${megabytes(treeBytes)} MB of files`;
  return {
    tables: [
      {
        title: `Join: ${size}; median of ${times[0]?.length ?? 0}`,
        columns: ['contender', 'usable (s)', 'complete (s)', 'CPU (s)', 'peerweave : this'],
        rows: contenders.map(({ name, shallow }) => [
          name,
          seconds(median(of(name, 'usable'))),
          shallow === true ? '-' : seconds(median(of(name, 'complete'))),
          median(of(name, 'cpu')).toFixed(1),
          name === PEERWEAVE ? '' : `${ratio(shallow === true ? 'usable' : 'complete', name).toFixed(2)} ×`,
        ]),
      },
    ],
    targets,
    data: { repository, times: Object.fromEntries(contenders.map(({ name }, index) => [name, times[index]])) },
  };
}

const seconds = (milliseconds: number): string => (milliseconds / 1_000).toFixed(2);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
