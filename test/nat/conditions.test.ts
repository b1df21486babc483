import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commit, git } from '../support/git.ts';
import { CONDITIONS, type Condition } from './conditions.ts';
import { describeInLab } from './lab/describe-in-lab.ts';
import { until } from './lab/until.ts';
import { World } from './lab/world.ts';
import { Pair, type TimedRoute } from './pair.ts';
import { report, table } from './report.ts';

interface Outcome {
  readonly title: string;
  readonly homes: Condition['homes'];
  readonly megabytes: number;
  /** From the commit to the guest's branch. */
  readonly seconds: number;
  readonly routes: readonly TimedRoute[];
  /** By the link, and all that the guest's cable brought, in bytes. */
  readonly sent: number;
  readonly resent: number;
  readonly delivered: number;
}

const FULL = process.env.PEERWEAVE_NAT_FULL === '1';
/** Slow enough that there is a middle of a transfer, in Mbit/s. */
const RATE = 40;
/** An outage must not cost more than what was under way when it came. */
const MAX_RESENT = 2_000_000;
/** Framing, encryption, and what else two peers tell each other meanwhile; of the bytes of the pack. */
const OVERHEAD = 0.05;
const PATIENCE_MS = 280_000;

const outcomes: Outcome[] = [];
let world: World;

/** Nothing in it can be made smaller. */
const randomFiles = (bytes: number): Record<string, Buffer> =>
  Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`data/${index}.bin`, randomBytes(Math.round(bytes / 10))]),
  );

function print(): string {
  const rows = outcomes.map(({ title, homes, megabytes, seconds, routes, resent }) => [
    title,
    homes.join(' / '),
    routes.map(({ route }) => route).join(' '),
    `${megabytes} MB`,
    `${seconds.toFixed(1)} s`,
    `${Math.round(resent / 1_000)} kB`,
  ]);
  return table([['condition', 'homes', 'routes', 'size', 'time', 'sent again'], ...rows]);
}

describeInLab('a transfer goes on when', () => {
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => {
    world.dispose();
    report('conditions', outcomes);
    console.log(print());
  });

  test.for(CONDITIONS.filter(({ full }) => FULL || full !== true))(
    '[LI3] [LI4] $title ($route)',
    { timeout: PATIENCE_MS + 60_000 },
    async (condition) => {
      const { title, homes, tiers, route, prepare, befall, unnoticed } = condition;
      const bytes = condition.bytes[FULL ? 'full' : 'some'];
      const pair = new Pair(world, homes);
      const { host, guest } = pair;
      try {
        await pair.connect(...(tiers === undefined ? [] : ['--tiers', tiers]));
        await pair.settle(route);
        guest.home.uplink.rate(RATE);
        prepare?.(pair);

        const before = (await pair.guestView())!;
        const events = host.engine.events.length;
        const deliveredBefore = guest.home.uplink.delivered;
        // What is random does not compress: trying to would take a busy machine longer than the transfer.
        for (const [key, value] of [
          ['core.compression', '0'],
          ['core.bigFileThreshold', '100k'],
        ] as const) {
          git(host.repo, 'config', key, value);
        }
        const begun = performance.now();
        const tip = commit(host.repo, randomFiles(bytes), 'A lot');
        if (befall !== undefined) {
          const some = (): boolean => guest.home.uplink.delivered - deliveredBefore > bytes / 4;
          await until(some, 'some of it has arrived', { timeoutMs: PATIENCE_MS / 2, everyMs: 250 });
          await befall(pair, world);
        }
        await pair.guestFollows(tip, PATIENCE_MS);

        const seconds = (performance.now() - begun) / 1_000;
        const after = (await pair.guestView())!;
        const [sent, resent] = [after.bytesSent - before.bytesSent, after.bytesResent - before.bytesResent];
        const delivered = guest.home.uplink.delivered - deliveredBefore;
        const { routes } = pair;
        outcomes.push({ title, homes, megabytes: bytes / 1_000_000, seconds, routes, sent, resent, delivered });
        pair.checkSound(tip);
        expect(resent).toBeLessThanOrEqual(MAX_RESENT);
        // Nobody began the transfer anew.
        expect(sent - resent).toBeLessThan(bytes * (1 + OVERHEAD) + 200_000);
        if (unnoticed === true) {
          expect(host.engine.events.slice(events).filter(({ event }) => event === 'peer')).toEqual([]);
          expect(after.moves).toBe(before.moves);
        }
      } finally {
        pair.dispose();
      }
    },
  );
});
