import type { Route, Tier } from '../transport/transport.ts';
import type { LinkTimings } from './link-timings.ts';
import { bestRouteOf, tierOf, worthOf } from './route-worth.ts';

export interface RoutePolicyOptions {
  /** Those that may be used, best first. */
  readonly tiers: readonly Tier[];
  /** Those of them that this end searches. */
  readonly searched: readonly Tier[];
  readonly timings: Pick<LinkTimings, 'upgradeRetries' | 'stable' | 'firstRest' | 'lastRest' | 'atonement'>;
  /** From 0 to 1: spreads the attempts of peers that lost the same network at the same time. */
  readonly random: () => number;
}

export interface BetterRoute {
  readonly tier: Tier;
  readonly why: string;
}

/** The search for one tier. */
interface Search {
  failures: number;
  nextAt: number;
  running: boolean;
  /** Why the last attempt failed; empty when none has. */
  why: string;
}

/** What a route that was used has come to. */
interface Standing {
  /** Early drops that nothing has made up for. */
  drops: number;
  restsUntil: number;
}

/** A better route may be slower than the present one, up to this; more is a path that is broken in some way. */
const WORTH_A_WAIT_MS = 1_000;
const WORTH_TIMES = 3;

/**
 * Decides when a link looks for a better route, and whether it takes one (LI2). Pure: it is told what happens and the time, and asked
 * what to do.
 *
 * A route that drops soon after it was taken rests, longer each time. So a path that comes and goes does not drag the link along: in any
 * time there are only so many moves, however it behaves. News of addresses or of the network make the search begin anew, and end no rest.
 */
export class RoutePolicy {
  private readonly options: RoutePolicyOptions;
  private readonly searches = new Map<Tier, Search>();
  private readonly standings = new Map<Route, Standing>();
  private current: { readonly route: Route; readonly since: number } | undefined;

  constructor(options: RoutePolicyOptions) {
    this.options = options;
    for (const tier of options.tiers) this.searches.set(tier, { failures: 0, nextAt: 0, running: false, why: '' });
  }

  /** The link goes on over `route`; it may have been on another one. */
  attached(route: Route, now: number): void {
    const fresh = !this.current;
    this.atone(now);
    this.current = { route, since: now };
    const search = this.searches.get(tierOf(route));
    if (search) Object.assign(search, { failures: 0, why: '' });
    // After an outage everything may be different.
    if (fresh) this.reset(now);
  }

  /** The transport is the same, and by `route` now. */
  rerouted(route: Route): void {
    if (!this.current) return;
    this.current = { route, since: this.current.since };
    const search = this.searches.get(tierOf(route));
    if (search) Object.assign(search, { failures: 0, why: '' });
  }

  /** The transport dropped. */
  dropped(now: number): void {
    if (!this.current) return;
    const { route, since } = this.current;
    this.atone(now);
    this.current = undefined;
    if (now - since >= this.options.timings.stable) return;
    const { firstRest, lastRest } = this.options.timings;
    const standing = this.standing(route);
    standing.drops += 1;
    standing.restsUntil = now + Math.min(firstRest * 2 ** (standing.drops - 1), lastRest);
  }

  /** Whether a route has to rest: it is passed over as long as there is any other. */
  isResting(route: Route, now: number): boolean {
    return now < (this.standings.get(route)?.restsUntil ?? 0);
  }

  /** Whether `route` is worth a move. Without a transport everything is. */
  isBetter(route: Route): boolean {
    return !this.current || this.worth(route) < this.worth(this.current.route);
  }

  /** Tiers, best first, that are to be searched now: better than the present one and not being searched. */
  due(now: number): Tier[] {
    return this.candidates().filter((tier) => {
      const search = this.searches.get(tier);
      return search && !search.running && this.dueAt(tier, search) <= now;
    });
  }

  /** When to ask again; undefined when nothing is to be searched for. */
  nextAt(): number | undefined {
    const times = this.candidates().flatMap((tier) => {
      const search = this.searches.get(tier);
      return search && !search.running ? [this.dueAt(tier, search)] : [];
    });
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** A tier is being searched; `failed` or `ended` follows. */
  began(tier: Tier): void {
    const search = this.searches.get(tier);
    if (search) search.running = true;
  }

  failed(tier: Tier, why: string, now: number): void {
    const search = this.searches.get(tier);
    if (!search) return;
    const { upgradeRetries } = this.options.timings;
    const pause = upgradeRetries[Math.min(search.failures, upgradeRetries.length - 1)] ?? 0;
    search.running = false;
    search.failures += 1;
    search.why = why;
    search.nextAt = now + pause * (0.75 + this.options.random() / 2);
  }

  /** A search came to a good end, or was given up. */
  ended(tier: Tier): void {
    const search = this.searches.get(tier);
    if (search) search.running = false;
  }

  /**
   * Why a route that answered in `rttMs` is not to be taken, for people; undefined when it is. `presentMs` is the round trip at present,
   * undefined when it is not known.
   */
  objection(route: Route, rttMs: number, presentMs: number | undefined, now: number): string | undefined {
    if (!this.current) return undefined;
    if (!this.isBetter(route)) {
      return route === 'webrtc-turn' ? 'There is no direct path, only one by a TURN server.' : 'It is no better.';
    }
    if (this.isResting(route, now)) return 'It dropped soon after it was taken, and rests for a while.';
    if (presentMs !== undefined && rttMs > WORTH_A_WAIT_MS && rttMs > WORTH_TIMES * presentMs) {
      return `It takes ${Math.round(rttMs)} ms to answer, and the present route ${Math.round(presentMs)} ms.`;
    }
    return undefined;
  }

  /** Everything may be different: searches begin anew. */
  reset(now: number): void {
    for (const search of this.searches.values()) Object.assign(search, { failures: 0, nextAt: now });
  }

  /** Better tiers than the present one, and what is known of why each is not used. */
  better(now: number): BetterRoute[] {
    return this.candidates().flatMap((tier) => {
      const why = this.isResting(bestRouteOf(tier), now)
        ? 'It dropped soon after it was taken, and rests for a while.'
        : (this.searches.get(tier)?.why ?? '');
      return why === '' ? [] : [{ tier, why }];
    });
  }

  private candidates(): Tier[] {
    const { current } = this;
    if (!current) return [];
    return this.options.searched.filter((tier) => this.worth(bestRouteOf(tier)) < this.worth(current.route));
  }

  private dueAt(tier: Tier, { nextAt }: Search): number {
    return Math.max(nextAt, this.standings.get(bestRouteOf(tier))?.restsUntil ?? 0);
  }

  private worth(route: Route): number {
    return worthOf(route, this.options.tiers);
  }

  private standing(route: Route): Standing {
    const known = this.standings.get(route) ?? { drops: 0, restsUntil: 0 };
    this.standings.set(route, known);
    return known;
  }

  /** What the present route has carried so far makes up for early drops. */
  private atone(now: number): void {
    const { current } = this;
    if (!current) return;
    const standing = this.standing(current.route);
    standing.drops = Math.max(0, standing.drops - Math.floor((now - current.since) / this.options.timings.atonement));
  }
}
