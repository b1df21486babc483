import { dirname, join } from 'node:path';
import type { RouteTraffic } from '../../extension/src/rpc/model.ts';
import { World, type Person } from '../../test/support/people.ts';
import { SignalingServerProcess } from '../../test/support/server-process.ts';
import { startGitDaemon } from '../baseline/git-daemon.ts';
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
import { relayedBytes } from '../measure/relayed-bytes.ts';
import { median } from '../measure/statistics.ts';
import { tierOverhead } from '../measure/tier-overhead.ts';
import { TIERS, type BenchTier } from '../measure/tier-people.ts';
import { timeRoutes, type RouteTimes } from '../measure/route-times.ts';
import { workingCopy } from '../pair.ts';

const DAEMON = 'git clone, git daemon';

/** Of the direct TCP join. */
const JOIN_LIMITS: Partial<Record<BenchTier, number>> = { webrtc: 1.25, relay: 1.3, json: 2 };
const OVERHEAD_LIMIT_PERCENT = 5;
const CONNECT_LIMIT_MS = 300;
const UPGRADE_LIMIT_MS = 2_000;
const CONNECTS = 20;
const OVERHEAD_MEGABYTES = 32;

interface TierJoin extends JoinTimes {
  /** Seconds of a core on both sides and in the signaling server, git included. */
  readonly cpu: number;
  /** All that the tier carried, in bytes: for relay and JSON as the server counts it, else as the link does. */
  readonly carried: number;
}

/** Every tier against the others and against stock git: joining a large repository, and how long a link takes to stand. */
export async function benchmarkTiers(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { scratch, rounds, say } = options;
  say('making the repository, if it is not there from an earlier run');
  const repository = await generateRepository(LARGE);
  const world = new World();
  // A hundred people of one address, one after the other, are no flood here; all other limits are as they come.
  const signaling = new SignalingServerProcess(['--max-joins-per-second', '1000']);
  let daemon: StockServer | undefined;
  try {
    const { url, metrics } = await signaling.listening();
    const times = await timeRoutes(url, CONNECTS);
    const overhead = { tcp: 0, webrtc: 0, relay: 0, json: 0 };
    for (const tier of TIERS) overhead[tier] = await tierOverhead({ url, metrics }, tier, OVERHEAD_MEGABYTES);
    const alice = world.person('alice');
    workingCopy(repository, alice.repo);
    daemon = await startGitDaemon(dirname(alice.repo));
    const host = world.share(alice, '--approve', 'auto', '--signal', url);
    const lab = { world, scratch, repository, alice, metrics, invite: await host.invite() };
    await untilQuiet(host.child.pid!);
    const servers = [host.child.pid!, signaling.child.pid!];
    const joins: Record<BenchTier, TierJoin[]> = { tcp: [], webrtc: [], relay: [], json: [] };
    const clones: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // Each round is begun by another, so that noise and order hit all alike.
      const order = [...TIERS.slice(round % TIERS.length), ...TIERS.slice(0, round % TIERS.length)];
      for (const tier of order) {
        const taken = await joinBy(tier, join(scratch, `${tier}-${round}`), lab, servers);
        joins[tier].push(taken);
        say(`round ${round + 1}, ${tier}: ${seconds(taken.complete)} s, usable after ${seconds(taken.usable)} s`);
      }
      const folder = join(scratch, `daemon-${round}`);
      settle(alice.repo);
      clones.push(await timeGit(['clone', '--quiet', daemon.url('project'), folder], daemon.env));
      say(`round ${round + 1}, ${DAEMON}: ${seconds(clones.at(-1)!)} s`);
    }
    return summarise(repository, joins, clones, times, overhead);
  } finally {
    await daemon?.stop();
    await world.end();
    await signaling.kill();
  }
}

interface JoinLab {
  readonly world: World;
  readonly scratch: string;
  readonly repository: GeneratedRepository;
  readonly alice: Person;
  readonly invite: string;
  /** Where the signaling server shows its counters. */
  readonly metrics: string;
}

async function joinBy(tier: BenchTier, folder: string, lab: JoinLab, servers: readonly number[]): Promise<TierJoin> {
  const { world, repository, alice, invite, metrics } = lab;
  settle(alice.repo);
  const relayedBefore = await relayedBytes(metrics, tier);
  const children = servers.map(countChildren);
  const cpu = (): number => servers.reduce((sum, pid) => sum + cpuSeconds(pid), endedChildrenCpuSeconds());
  const cpuBefore = cpu();
  let linked = 0;
  const times = await joinSession(world, folder, invite, {
    flags: ['--tiers', tier],
    whileJoined: async (person) => {
      linked = await linkBytes(world, person, tier);
    },
  });
  for (const [index, pid] of servers.entries()) await untilChildren(pid, children[index]!);
  const relayed = (await relayedBytes(metrics, tier)) - relayedBefore;
  const spent = cpu() - cpuBefore;
  verifyClone(folder, repository, { name: `join by ${tier}` });
  return { ...times, cpu: spent, carried: relayed || linked };
}

/** All that the link to the host has carried. Throws when anything went by another route. */
async function linkBytes(world: World, person: Person, tier: BenchTier): Promise<number> {
  const { lines } = await world.run(person, 'peers', '--json');
  const traffic = (lines as { traffic: RouteTraffic[] }[]).flatMap((peer) => peer.traffic);
  const strange = traffic.find(({ route }) => route !== tier);
  if (strange) throw new Error(`a join by ${tier} went by ${strange.route}`);
  return traffic.reduce((sum, { sent, received }) => sum + sent + received, 0);
}

function summarise(
  repository: GeneratedRepository,
  joins: Readonly<Record<BenchTier, readonly TierJoin[]>>,
  clones: readonly number[],
  times: RouteTimes,
  overhead: Readonly<Record<BenchTier, number>>,
): BenchmarkResult {
  const { packBytes } = repository;
  const ratio = (tier: BenchTier, base: readonly number[]): number =>
    median(joins[tier].map(({ complete }, round) => complete / base[round]!));
  const direct = joins.tcp.map(({ complete }) => complete);
  const carried = (tier: BenchTier): number => median(joins[tier].map((taken) => taken.carried));
  const targets: Target[] = [
    ...TIERS.flatMap((tier): Target[] => {
      const limit = JOIN_LIMITS[tier];
      return limit === undefined
        ? []
        : [{ what: `join by ${tier} : join by tcp`, value: ratio(tier, direct), limit, unit: 'x' }];
    }),
    ...TIERS.filter((tier) => tier !== 'json').map((tier): Target => ({
      what: `bytes that ${tier} carries beyond git’s`,
      value: overhead[tier],
      limit: OVERHEAD_LIMIT_PERCENT,
      unit: '%',
    })),
    { what: 'connected through relay', value: median(times.connected.relay), limit: CONNECT_LIMIT_MS, unit: 'ms' },
    { what: 'upgraded to WebRTC', value: median(times.upgraded), limit: UPGRADE_LIMIT_MS, unit: 'ms' },
  ];
  const size = `${(packBytes / 1e6).toFixed(0)} MB pack`;
  return {
    tables: [
      {
        title: `Join by each tier: ${size}; median of ${clones.length}`,
        columns: [
          'tier',
          'usable (s)',
          'complete (s)',
          'pack MB/s',
          ': tcp',
          ': git daemon',
          'CPU (s)',
          'carried (MB)',
          'overhead',
        ],
        rows: [
          ...TIERS.map((tier) => {
            const complete = median(joins[tier].map((taken) => taken.complete));
            return [
              tier,
              seconds(median(joins[tier].map(({ usable }) => usable))),
              seconds(complete),
              (packBytes / 1e3 / complete).toFixed(1),
              `${ratio(tier, direct).toFixed(2)} ×`,
              `${ratio(tier, clones).toFixed(2)} ×`,
              median(joins[tier].map(({ cpu }) => cpu)).toFixed(1),
              (carried(tier) / 1e6).toFixed(0),
              `${overhead[tier].toFixed(1)} %`,
            ];
          }),
          [DAEMON, '-', seconds(median(clones)), (packBytes / 1e3 / median(clones)).toFixed(1), '', '', '', '', ''],
        ],
      },
      {
        title: `Until a link stands, in milliseconds; median and worst of ${CONNECTS}`,
        columns: ['tier', 'connected', 'worst'],
        rows: [
          ...TIERS.map((tier) => [tier, milliseconds(median(times.connected[tier])), worst(times.connected[tier])]),
          ['webrtc, relay and json: first of them', milliseconds(median(times.first)), worst(times.first)],
          ['the same: upgraded to webrtc', milliseconds(median(times.upgraded)), worst(times.upgraded)],
        ],
      },
    ],
    targets,
    data: { repository, joins, clones, times, overhead },
  };
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(2);
const milliseconds = (ms: number): string => ms.toFixed(0);
const worst = (values: readonly number[]): string => milliseconds(Math.max(...values));
