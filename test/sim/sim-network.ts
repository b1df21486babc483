import type { Oid, PeerId, RefName } from '../../extension/src/shared/ids.ts';
import type { Prng } from './prng.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type SimMessage =
  | { readonly kind: 'manifest'; readonly seq: number; readonly refs: ReadonlyMap<RefName, Oid> }
  | { readonly kind: 'ack'; readonly seq: number };

/** One end of links: what the network tells a peer. */
export interface SimNode {
  readonly id: PeerId;
  readonly running: boolean;
  onLink(peer: PeerId, up: boolean): void;
  onMessage(from: PeerId, message: SimMessage): void;
}

interface Link {
  readonly ends: readonly [SimNode, SimNode];
  up: boolean;
  /** Counts the lives of the link: what was sent in an earlier one is lost. */
  life: number;
  /** When the last message arrives at each end: within a link nothing overtakes. */
  readonly lastArrival: Map<PeerId, number>;
}

/**
 * Links between every two peers. While a link is up it is reliable and ordered, as SSH over TCP is; what goes wrong is that it drops,
 * with most of what is in flight. Messages on different links overtake each other freely.
 */
export class SimNetwork {
  private readonly clock: VirtualClock;
  private readonly random: Prng;
  private readonly maxLatencyMs: number;
  private readonly links: Link[] = [];
  /** Peers of different sides cannot link. */
  private sideOf: (peer: PeerId) => number = () => 0;

  constructor(clock: VirtualClock, random: Prng, maxLatencyMs: number) {
    this.clock = clock;
    this.random = random;
    this.maxLatencyMs = maxLatencyMs;
  }

  connect(a: SimNode, b: SimNode): void {
    this.links.push({ ends: [a, b], up: false, life: 0, lastArrival: new Map() });
  }

  /** Milliseconds that one message, or one exchange, takes. */
  latency(): number {
    return this.random.between(1, this.maxLatencyMs);
  }

  /** The life of the link between two peers, or undefined while it is down. */
  lifeOf(a: PeerId, b: PeerId): number | undefined {
    const link = this.find(a, b);
    return link?.up === true ? link.life : undefined;
  }

  nodeAt(from: PeerId, to: PeerId): SimNode | undefined {
    return this.find(from, to)?.ends.find(({ id }) => id === to);
  }

  send(from: PeerId, to: PeerId, message: SimMessage): void {
    const link = this.find(from, to);
    if (link?.up !== true) return;
    const life = link.life;
    const at = Math.max(this.clock.now + this.latency(), link.lastArrival.get(to) ?? 0);
    link.lastArrival.set(to, at);
    this.clock.after(at - this.clock.now, () => {
      // What was sent before a link dropped may still have arrived, if the link has not come back before.
      const arrives = link.life === life && (link.up || this.random.chance(0.3));
      if (arrives) this.nodeAt(from, to)?.onMessage(from, message);
    });
  }

  /** Brings up every link that may be up. */
  linkAll(): void {
    for (const link of this.links) {
      const [a, b] = link.ends;
      if (link.up || !a.running || !b.running || this.sideOf(a.id) !== this.sideOf(b.id)) continue;
      link.up = true;
      link.life += 1;
      link.lastArrival.clear();
      a.onLink(b.id, true);
      b.onLink(a.id, true);
    }
  }

  /** Drops links, all of one peer or any with the given probability; they stay down until `linkAll`. */
  drop(which: { readonly peer?: PeerId; readonly probability: number }): void {
    for (const link of this.links) {
      if (which.peer !== undefined && !link.ends.some(({ id }) => id === which.peer)) continue;
      if (this.random.chance(which.probability)) this.cut(link);
    }
  }

  partition(sideOf: (peer: PeerId) => number): void {
    this.sideOf = sideOf;
    for (const link of this.links) if (sideOf(link.ends[0].id) !== sideOf(link.ends[1].id)) this.cut(link);
  }

  private cut(link: Link): void {
    if (!link.up) return;
    link.up = false;
    const [a, b] = link.ends;
    if (a.running) a.onLink(b.id, false);
    if (b.running) b.onLink(a.id, false);
  }

  private find(a: PeerId, b: PeerId): Link | undefined {
    return this.links.find(({ ends: [x, y] }) => (x.id === a && y.id === b) || (x.id === b && y.id === a));
  }
}
