import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Route } from '../../extension/src/p2p/transport/transport.ts';
import type { PeerView } from '../../extension/src/rpc/model.ts';
import { ALL_PAIRS, bestRoute, SOME_PAIRS } from './expected-routes.ts';
import { describeInLab } from './lab/describe-in-lab.ts';
import type { NatName } from './lab/nat-kinds.ts';
import { World } from './lab/world.ts';
import { Pair, type TimedRoute } from './pair.ts';
import { report, table } from './report.ts';

interface Cell {
  readonly host: NatName;
  readonly guest: NatName;
  readonly expected: Route;
  /** As the host saw them. */
  readonly routes: readonly TimedRoute[];
  readonly firstByteMs: number | undefined;
  readonly final: Route | undefined;
  /** What the host says of better routes that it does not have. */
  readonly missing: PeerView['betterRoutes'];
}

const FULL = process.env.PEERWEAVE_NAT_FULL === '1';
const cells: Cell[] = [];
let world: World;

const ms = (value: number | undefined): string => (value === undefined ? '-' : `${value} ms`);

function print(): string {
  const rows = cells.map(({ host, guest, expected, routes, firstByteMs, final }) => {
    const [first, ...later] = routes;
    const last = later.at(-1);
    return [
      host,
      guest,
      first?.route ?? '-',
      ms(first?.ms),
      ms(firstByteMs),
      last?.route ?? '',
      ms(last?.ms),
      final ?? '-',
      expected,
    ];
  });
  return table([
    ['host', 'guest', 'first', 'linked', 'first byte', 'then', 'upgraded', 'in the end', 'expected'],
    ...rows,
  ]);
}

describeInLab('the grid of homes', () => {
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => {
    world.dispose();
    report('grid', cells);
    console.log(`Milliseconds since the guest's command was started.\n${print()}`);
  });

  test.for(FULL ? ALL_PAIRS : SOME_PAIRS)(
    '[LI2] %s shares, %s joins: both reach each other, in the end by the best route there is',
    async ([host, guest]) => {
      const expected = bestRoute(host, guest);
      const pair = new Pair(world, [host, guest]);
      try {
        await pair.connect();
        await pair.settle(expected);
        await pair.exchange();
      } finally {
        const { routes, firstByteMs } = pair;
        const view = await pair.guestView().catch(() => undefined);
        cells.push({
          host,
          guest,
          expected,
          routes,
          firstByteMs,
          final: view?.route,
          missing: view?.betterRoutes ?? [],
        });
        pair.dispose();
      }
      expect(pair.routes.at(-1)?.route).toBe(expected);
    },
  );
});
