import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { meet, randomId, ServerClient } from '../../test/support/server-client.ts';
import { SignalingServerProcess } from '../../test/support/server-process.ts';
import { freePort } from '../baseline/free-port.ts';
import { ServerProcess } from '../baseline/server-process.ts';
import type { BenchmarkOptions, BenchmarkResult, Target } from '../benchmark.ts';
import { ProcessMeter, type Usage } from '../measure/process-meter.ts';
import { transfer } from '../measure/relay-transfer.ts';
import { median, percentile } from '../measure/statistics.ts';

const MB = 1_000_000;
const HEADER_BYTES = 42;
const FRAME_BYTES = 64 * 1024;
const THROUGHPUT_BYTES = 200 * MB;
const CONNECTIONS = 1_000;
const ROOMS = 200;
const PEERS_OF_ROOM = 5;
const PRESENCE_ROUNDS = 10;
const TRANSFERS = 20;
const TRANSFER_BYTES = 20 * MB;
/** What comes after a thousand joins dies down in this time. */
const SETTLE_MS = 3_000;

/** All clients of a benchmark come from one address, and what is measured is the server, not its rates. */
const LIMITS = [
  ...['--max-connections-per-address', '2000'],
  ...['--max-joins-per-second', '1000'],
  ...['--relay-bytes-per-second-per-peer', '10000000000'],
  ...['--relay-bytes-per-second-per-room', '10000000000'],
];

interface Measured {
  readonly what: string;
  readonly usage: Usage;
  readonly note: string;
}

/** One round of the same bytes through one relay. */
interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** The signaling server: relaying against a bare relay, and what it takes to serve many. */
export async function benchmarkServer(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const relays = await measureRelays(options);
  const loads = [await measureIdle(options), await measurePresence(options), await measureTransfers(options)];
  return summarise(relays, loads);
}

type Relays = Readonly<Record<'bare' | 'server' | 'json', Round[]>>;

/** The bare relay and the server in turn, each in a process of its own. */
async function measureRelays({ rounds, say }: BenchmarkOptions): Promise<Relays> {
  const port = await freePort();
  const bare = await ServerProcess.start('node', ['bench/baseline/bare-relay.ts', String(port)], port);
  const server = new SignalingServerProcess(LIMITS);
  const relays: Relays = { bare: [], server: [], json: [] };
  try {
    const { url } = await server.listening();
    for (let round = 0; round <= rounds; round++) {
      say(`relaying, round ${round === 0 ? 'to warm up' : round}`);
      const measured = {
        bare: await bareRound(`ws://127.0.0.1:${port}`, bare.pid),
        server: await serverRound(url, server.child.pid!, 'relay'),
        json: await serverRound(url, server.child.pid!, 'json'),
      };
      if (round === 0) continue;
      for (const name of ['bare', 'server', 'json'] as const) relays[name].push(measured[name]);
    }
  } finally {
    await bare.stop();
    await server.kill();
  }
  return relays;
}

async function bareRound(url: string, pid: number): Promise<Round> {
  const [from, to] = [
    new WebSocket(url, { perMessageDeflate: false }),
    new WebSocket(url, { perMessageDeflate: false }),
  ];
  await Promise.all([once(from, 'open'), once(to, 'open')]);
  try {
    return await timed(pid, from, to, Buffer.alloc(FRAME_BYTES, 7));
  } finally {
    from.terminate();
    to.terminate();
  }
}

async function serverRound(url: string, pid: number, tier: 'relay' | 'json'): Promise<Round> {
  const room = randomId();
  const [from, to] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
  const session = await meet(from, to);
  try {
    return await timed(pid, from.socket, to.socket, tier === 'relay' ? frame(from, session) : data(from, session));
  } finally {
    await from.close();
    await to.close();
  }
}

async function timed(pid: number, from: WebSocket, to: WebSocket, message: Buffer | string): Promise<Round> {
  const meter = new ProcessMeter(pid);
  const seconds = await transfer(from, to, message, THROUGHPUT_BYTES);
  return { seconds, cpuSeconds: meter.stop().cpuSeconds };
}

/** A relay frame of 64 KiB. The server does not look at its number, so that it can be sent again and again. */
function frame({ self }: ServerClient, session: string): Buffer {
  const ids = [session, self.peer].map((id) => Buffer.concat([Buffer.from([16]), Buffer.from(id, 'base64url')]));
  return Buffer.concat([...ids, Buffer.alloc(8), Buffer.alloc(FRAME_BYTES - HEADER_BYTES, 7)]);
}

const data = ({ self }: ServerClient, session: string): string =>
  JSON.stringify({ type: 'data', session, peer: self.peer, sequence: 0, data: 'A'.repeat(60 * 1024) });

async function measureIdle({ idleSeconds, say }: BenchmarkOptions): Promise<Measured> {
  return withServer(async (server, url) => {
    say(`${CONNECTIONS} connections, idle for ${idleSeconds} s`);
    const members = await Promise.all(Array.from({ length: CONNECTIONS }, () => ServerClient.join(url, randomId())));
    await sleep(SETTLE_MS);
    const meter = new ProcessMeter(server.child.pid!);
    await sleep(idleSeconds * 1_000);
    const usage = meter.stop();
    for (const member of members) member.socket.terminate();
    const cpu = ((usage.cpuSeconds / usage.seconds) * 100).toFixed(2);
    return { what: `${CONNECTIONS} idle connections`, usage, note: `${cpu} % of a core` };
  });
}

/** Everybody comes; then each member of each room says something to each other one, again and again. */
async function measurePresence({ say }: BenchmarkOptions): Promise<Measured> {
  return withServer(async (server, url) => {
    say(`${ROOMS} rooms of ${PEERS_OF_ROOM}, exchanging presence`);
    const meter = new ProcessMeter(server.child.pid!);
    const rooms = await Promise.all(
      Array.from({ length: ROOMS }, async () => {
        const room = randomId();
        return Promise.all(Array.from({ length: PEERS_OF_ROOM }, () => ServerClient.join(url, room)));
      }),
    );
    const delays: number[] = [];
    const body = 'x'.repeat(500);
    const started = performance.now();
    for (let round = 0; round < PRESENCE_ROUNDS; round++) {
      const sent = performance.now();
      const heard = rooms.flatMap((room) =>
        room.map(async (member) => {
          for (let other = 1; other < PEERS_OF_ROOM; other++) {
            await member.next('signal');
            delays.push(performance.now() - sent);
          }
        }),
      );
      for (const room of rooms) {
        for (const from of room) {
          for (const to of room) if (to !== from) from.send({ type: 'signal', to: to.self.peer, body });
        }
      }
      await Promise.all(heard);
    }
    const seconds = (performance.now() - started) / 1_000;
    const usage = meter.stop();
    for (const member of rooms.flat()) member.socket.terminate();
    const rate = `${Math.round(delays.length / seconds)} messages/s`;
    const delay = `${percentile(delays, 0.5).toFixed(0)}/${percentile(delays, 0.99).toFixed(0)} ms`;
    const note = `${rate}; all ${delays.length / PRESENCE_ROUNDS} at once: p50/p99 ${delay}`;
    return { what: `${ROOMS} rooms of ${PEERS_OF_ROOM}`, usage, note };
  });
}

async function measureTransfers({ say }: BenchmarkOptions): Promise<Measured> {
  return withServer(async (server, url) => {
    say(`${TRANSFERS} transfers at once`);
    const pairs = await Promise.all(
      Array.from({ length: TRANSFERS }, async () => {
        const room = randomId();
        const [from, to] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
        return { from, to, message: frame(from, await meet(from, to)) };
      }),
    );
    const meter = new ProcessMeter(server.child.pid!);
    const started = performance.now();
    const times = await Promise.all(
      pairs.map(({ from, to, message }) => transfer(from.socket, to.socket, message, TRANSFER_BYTES)),
    );
    const seconds = (performance.now() - started) / 1_000;
    const usage = meter.stop();
    for (const { from, to } of pairs) {
      from.socket.terminate();
      to.socket.terminate();
    }
    const rate = `${((TRANSFERS * TRANSFER_BYTES) / MB / seconds).toFixed(0)} MB/s`;
    const spread = `slowest ${(Math.max(...times) / Math.min(...times)).toFixed(2)} × the fastest`;
    return { what: `${TRANSFERS} transfers of ${TRANSFER_BYTES / MB} MB at once`, usage, note: `${rate}; ${spread}` };
  });
}

async function withServer(
  measure: (server: SignalingServerProcess, url: string) => Promise<Measured>,
): Promise<Measured> {
  const server = new SignalingServerProcess(LIMITS);
  try {
    return await measure(server, (await server.listening()).url);
  } finally {
    await server.kill();
  }
}

function summarise(relays: Relays, loads: readonly Measured[]): BenchmarkResult {
  const rows = { bare: 'bare relay', server: 'server, binary frames', json: 'server, text' };
  const ratios = relays.server.map(({ seconds }, round) => seconds / relays.bare[round]!.seconds);
  const idle = loads[0]!;
  const targets: Target[] = [
    // At least 0.6 times as fast is at most 1 / 0.6 times as long.
    { what: 'relaying, time : bare relay', value: median(ratios), limit: 1 / 0.6, unit: 'x' },
    { what: `server, peak memory, ${idle.what}`, value: idle.usage.peakRss / MB, limit: 150, unit: 'MB' },
  ];
  return {
    tables: [
      {
        title: `Server: ${THROUGHPUT_BYTES / MB} MB relayed in messages of 64 KiB`,
        columns: ['relay', 'MB/s', 'server CPU (s)', 'of the bare relay’s speed'],
        rows: (['bare', 'server', 'json'] as const).map((name) => {
          const rates = relays[name].map(({ seconds }) => THROUGHPUT_BYTES / MB / seconds);
          const speeds = relays[name].map(({ seconds }, round) => relays.bare[round]!.seconds / seconds);
          const cpu = median(relays[name].map(({ cpuSeconds }) => cpuSeconds));
          return [rows[name], median(rates).toFixed(0), cpu.toFixed(2), `${median(speeds).toFixed(2)} ×`];
        }),
      },
      {
        title: 'Server: memory and CPU',
        columns: ['load', 'seconds', 'peak RSS (MB)', 'CPU (s)', ''],
        rows: loads.map(({ what, usage, note }) => [
          what,
          usage.seconds.toFixed(1),
          (usage.peakRss / MB).toFixed(0),
          usage.cpuSeconds.toFixed(2),
          note,
        ]),
      },
    ],
    targets,
    data: { relays, loads },
  };
}
