import { onRoute } from '../../test/support/route-lab.ts';
import { TIERS, withTwo, type BenchTier } from './tier-people.ts';

const THROUGH_ROOM: readonly BenchTier[] = ['webrtc', 'relay', 'json'];

/** Milliseconds from a dial, between two who are in the room, until an authenticated link stands; one value a dial. */
export interface RouteTimes {
  /** By one tier alone. */
  readonly connected: Readonly<Record<BenchTier, number[]>>;
  /** Where webrtc, relay and json are tried at once: by the first of them. */
  readonly first: number[];
  /** In the same dials: until it is on webrtc. */
  readonly upgraded: number[];
}

/** Dials `count` times by each tier, each time between two new people in a new room of the server. */
export async function timeRoutes(server: string, count: number): Promise<RouteTimes> {
  const connected: RouteTimes['connected'] = { tcp: [], webrtc: [], relay: [], json: [] };
  const [first, upgraded]: [number[], number[]] = [[], []];
  // The first of each is thrown away: code is compiled, libraries are loaded.
  for (let round = -1; round < count; round++) {
    for (const tier of TIERS) {
      const { connectedMs } = await timeOne(server, [tier]);
      if (round >= 0) connected[tier].push(connectedMs);
    }
    const { connectedMs, bestMs } = await timeOne(server, THROUGH_ROOM);
    if (round >= 0) {
      first.push(connectedMs);
      upgraded.push(bestMs);
    }
  }
  return { connected, first, upgraded };
}

/** Until the link stands, and until it is on the best of the tiers. */
function timeOne(server: string, tiers: readonly BenchTier[]): Promise<{ connectedMs: number; bestMs: number }> {
  return withTwo(server, tiers, async (dial) => {
    const started = performance.now();
    const link = await dial();
    const connectedMs = performance.now() - started;
    await onRoute(link, tiers[0]!);
    return { connectedMs, bestMs: performance.now() - started };
  });
}
