import { setTimeout as wait } from 'node:timers/promises';
import type { Route } from '../../extension/src/p2p/transport/transport.ts';
import type { NatName } from './lab/nat-kinds.ts';
import type { World } from './lab/world.ts';
import type { Pair } from './pair.ts';

/** What may befall two people while one sends the other a lot. */
export interface Condition {
  readonly title: string;
  readonly homes: readonly [host: NatName, guest: NatName];
  /** Tiers that are allowed, when not all are. */
  readonly tiers?: string;
  /** The route on which the transfer begins. */
  readonly route: Route;
  /** What the host commits, in bytes, in a small run and in a full one. */
  readonly bytes: { readonly some: number; readonly full: number };
  /** Before the transfer. */
  readonly prepare?: (pair: Pair) => void;
  /** When some of the transfer has arrived; resolves when it is over. */
  readonly befall?: (pair: Pair, world: World) => Promise<void>;
  /** True when the link must not notice. */
  readonly unnoticed?: boolean;
  /** Only in a full run. */
  readonly full?: boolean;
}

const MB = 1_000_000;
const BULK = { some: 20 * MB, full: 100 * MB };
/** With one packet in five lost, congestion control allows some ten packets between two timeouts. */
const TRICKLE = { some: 0.5 * MB, full: 4 * MB };

const outage =
  (seconds: number) =>
  async ({ guest }: Pair): Promise<void> => {
    guest.home.uplink.cut();
    await wait(seconds * 1_000);
    guest.home.uplink.mend();
  };

interface Way {
  readonly homes: readonly [host: NatName, guest: NatName];
  readonly tiers?: string;
  readonly route: Route;
}

/** One way of each route. */
const WAYS: Readonly<Record<'tcp' | 'webrtc' | 'turn' | 'relay' | 'json', Way>> = {
  tcp: { homes: ['none', 'port-restricted'], route: 'tcp' },
  webrtc: { homes: ['port-restricted', 'port-restricted'], route: 'webrtc' },
  turn: { homes: ['symmetric', 'symmetric'], route: 'webrtc-turn' },
  relay: { homes: ['port-restricted', 'only-443'], tiers: 'relay', route: 'relay' },
  json: { homes: ['port-restricted', 'only-443'], tiers: 'json', route: 'json' },
};
const { tcp, webrtc, turn, relay, json } = WAYS;

/** The same for several ways; the first of them in a small run too. */
const on = (ways: readonly Way[], condition: Omit<Condition, 'homes' | 'tiers' | 'route'>): Condition[] =>
  ways.map((way, index) => ({ ...condition, ...way, ...(index > 0 && { full: true }) }));

export const CONDITIONS: readonly Condition[] = [
  ...on([webrtc, tcp, relay, turn], {
    title: 'the guest moves to another network',
    bytes: BULK,
    befall: async ({ guest }) => guest.home.changeAddress(),
  }),
  ...on([tcp, webrtc], {
    title: 'the host moves to another network',
    bytes: BULK,
    befall: async ({ host }) => host.home.changeAddress(),
  }),
  ...on([webrtc, tcp, relay, turn, json], { title: 'an outage of 2 s', bytes: BULK, befall: outage(2) }),
  ...on([webrtc, tcp, relay, turn, json], { title: 'an outage of 30 s', bytes: BULK, befall: outage(30) }),
  ...on([webrtc, tcp, relay], {
    title: 'one packet in five is lost',
    bytes: TRICKLE,
    prepare: ({ guest }) => guest.home.uplink.lossy(true),
  }),
  ...on([webrtc, tcp, relay, turn], {
    title: 'packets of more than 1,280 bytes do not pass',
    bytes: BULK,
    prepare: ({ guest }) => guest.home.uplink.mtu(1280),
  }),
  ...on([webrtc, tcp, turn], {
    title: 'the signaling server is restarted',
    bytes: BULK,
    unnoticed: true,
    befall: async (_, { signaling }) => signaling.restart(),
  }),
  {
    title: 'the server that relays is restarted',
    ...relay,
    bytes: BULK,
    befall: async (_, { signaling }) => signaling.restart(),
  },
];
