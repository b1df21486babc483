import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import type { LinkTimings } from '../../../extension/src/p2p/link/link-timings.ts';
import type { Route, TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import type { Chaos } from '../../support/chaos-transport.ts';
import { drink } from '../../support/read-all.ts';
import { RouteLab, type Traveller } from '../../support/route-lab.ts';

/** `SEED=7 npx vitest run --project integration routes-fuzz` replays one, as far as timers allow; `SEEDS=500` runs more. */
const SEEDS = process.env.SEED === undefined ? fresh(Number(process.env.SEEDS ?? 12)) : [Number(process.env.SEED)];
const KB = 1_000;
const BYTES_EACH_WAY = 3_000 * KB;
/** Chaos lasts for so much of the transfer: then everything works, and it must come to its end. */
const CHAOS_BYTES = 5_000 * KB;

/** A path is found dead, and a new one tried, within milliseconds, so that a seed sees hundreds of them. */
const TIMINGS: Partial<LinkTimings> = {
  handshake: 2_000,
  move: 40,
  keepAlive: 15,
  silence: 90,
  probe: 30,
  stable: 30,
  firstRest: 10,
  lastRest: 40,
  atonement: 50,
  headStart: 10,
};

let lab: RouteLab;
let chaos: Chaos;
let moves = 0;
beforeEach(() => (chaos = { random: () => 0, on: false }));
afterEach(() => lab.dispose());

describe('a link over routes that fail in every way', () => {
  it.each(SEEDS)('[LI3] [LI4] loses and doubles no byte, and comes to rest (seed %i)', async (seed) => {
    chaos = { random: mulberry32(seed), on: false };
    lab = new RouteLab(undefined, chaos);
    const a = await lab.person(['tcp', 'webrtc', 'relay', 'json'], { timings: TIMINGS });
    const b = await lab.person(['tcp', 'webrtc', 'relay', 'json'], { timings: TIMINGS });
    const stranger = await lab.person(['tcp']);
    const [atA, atB] = await lab.link(a, b);
    const ends: string[] = [];
    for (const link of [atA, atB]) link.onClosed(({ message }) => ends.push(message));
    chaos.on = true;
    const transfer = exchange(atA, atB, seed);
    const over = { now: false };
    const havoc = wreak([a, b], [atA, atB], stranger.addresses, over);
    const sums = await transfer;
    over.now = true;
    await havoc;
    expect(ends).toEqual([]);
    expect(sums.got).toEqual(sums.sent);
    expect(b.accepted).toHaveLength(1);
    // In a world that works, the link ends up on the best route, and nothing else is left of all the attempts.
    atA.updateAddresses(b.addresses);
    await until(() => atA.route === 'tcp' && atB.route === 'tcp' && pipes(a) === 1 && pipes(b) === 1);
    expect(await atB.control.request('ping', {})).toEqual({});
    moves += atA.moves;
  });

  it('has seen what it is for', () => expect(moves / SEEDS.length).toBeGreaterThan(5));
});

/** Everything that may happen to a link beside its paths, at random moments, until the transfer has come far enough. */
async function wreak(
  [a, b]: [Traveller, Traveller],
  [atA, atB]: [Link, Link],
  strange: readonly TransportAddress[],
  over: { now: boolean },
): Promise<void> {
  const { random } = chaos;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const some = (from: readonly TransportAddress[]): TransportAddress[] => from.filter(() => random() < 0.8);
  const events: (() => void)[] = [
    () => a.host.networkChanged(),
    () => b.host.networkChanged(),
    // Never without a way at all, or the link would rightly wait.
    () => atA.updateAddresses([...some(b.addresses), ...b.tier('relay').addresses, ...some(strange)]),
    () => atB.updateAddresses(some(a.addresses)),
    () => a.tier(pick(['tcp', 'webrtc', 'relay', 'json'])).cut(),
    () => b.tier(pick(['tcp', 'webrtc', 'relay', 'json'])).silence(),
    () => (a.tier('webrtc').route = pick<Route>(['webrtc', 'webrtc-turn'])),
  ];
  while (!over.now && atA.bytesReceived + atB.bytesReceived < CHAOS_BYTES) {
    for (let turns = Math.floor(random() * 60); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve));
    pick(events)();
  }
  chaos.on = false;
  a.tier('webrtc').route = 'webrtc';
  atA.updateAddresses(b.addresses);
}

/** The same amount both ways at once; resolves to what was sent and what arrived, as SHA-256. */
async function exchange(atA: Link, atB: Link, seed: number): Promise<{ sent: string[]; got: string[] }> {
  const served = new Promise<[string, string]>((resolve) =>
    atB.onExec((_, stream) => {
      resolve(Promise.all([pour(stream, seed + 1), drink(stream)]));
      return true;
    }),
  );
  const stream = await atA.exec('exchange');
  const [sentUp, gotDown] = await Promise.all([pour(stream, seed), drink(stream)]);
  const [sentDown, gotUp] = await served;
  return { sent: [sentUp, sentDown], got: [gotUp, gotDown] };
}

async function pour(stream: Duplex, seed: number): Promise<string> {
  const random = mulberry32(seed);
  const sum = createHash('sha256');
  for (let left = BYTES_EACH_WAY; left > 0;) {
    const piece = Buffer.alloc(Math.min(left, 1 + Math.floor(random() * 90 * KB)), random().toString());
    left -= piece.length;
    sum.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return sum.digest('hex');
}

const pipes = (person: Traveller): number =>
  (['tcp', 'webrtc', 'relay', 'json'] as const).reduce((sum, tier) => sum + person.tier(tier).pipes.size, 0);

/** Looked at in each turn of the loop; the test's own timeout is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Some that have failed once, or are as good as any, and some that nobody has seen. */
function fresh(count: number): number[] {
  return [1, 2, 3, 4, ...Array.from({ length: count - 4 }, () => Math.floor(Math.random() * 2 ** 31))];
}

/** Small, fast, repeatable randomness. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
