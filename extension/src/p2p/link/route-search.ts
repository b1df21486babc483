import type { Disposable } from '../../shared/disposable.ts';
import type { Logger } from '../../shared/log.ts';
import type { Route, Tier, TransportAddress } from '../transport/transport.ts';
import type { Begun } from './dial-race.ts';
import type { LinkTimings } from './link-timings.ts';
import type { Mover, Opening } from './mover.ts';
import type { ResumableStream } from './resumable-stream.ts';
import { RoutePolicy, type BetterRoute } from './route-policy.ts';
import { Upgrader } from './upgrader.ts';

export interface RouteSearchOptions {
  readonly stream: ResumableStream;
  readonly mover: Mover;
  readonly addresses: readonly TransportAddress[];
  /** Those that may be used, best first. */
  readonly tiers: readonly Tier[];
  /** Those of them that this end searches. */
  readonly searched: readonly Tier[];
  readonly timings: LinkTimings;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** One end's search for a better transport of its link: where to look, the policy, and who acts by it. */
export class RouteSearch implements Disposable {
  readonly policy: RoutePolicy;
  private readonly options: RouteSearchOptions;
  private readonly upgrader: Upgrader;
  private known: readonly TransportAddress[];
  private rttMs: number | undefined;
  private started = false;

  constructor(options: RouteSearchOptions) {
    const { stream, mover, now, log } = options;
    this.options = options;
    this.known = options.addresses;
    this.policy = new RoutePolicy(options);
    this.upgrader = new Upgrader({
      mover,
      policy: this.policy,
      addresses: () => this.known,
      rttMs: () => this.rttMs,
      now,
      log,
    });
    stream.onRtt((rtt) => (this.rttMs = rtt));
    stream.onAttached(() => this.attached());
    stream.onRerouted(({ route }) => this.rerouted(route));
    stream.onLost(() => this.policy.dropped(now()));
    this.attached();
  }

  /** Where the peer may be found, on the tiers that this end searches. */
  get addresses(): readonly TransportAddress[] {
    return this.known.filter(({ tier }) => this.options.searched.includes(tier));
  }

  get betterRoutes(): readonly BetterRoute[] {
    return this.policy.better(this.options.now());
  }

  /** Begins to search. `begun` is what is being dialed already. */
  start(begun: readonly Begun[]): void {
    this.started = true;
    const { mover } = this.options;
    this.adopt(begun.map(({ address, dialing, abort }) => mover.openOn(address, dialing, abort)));
  }

  /** Goes on with what others have begun. */
  adopt(openings: readonly Opening[]): void {
    this.upgrader.adopt(openings);
  }

  /** True when the peer was somewhere where it is not with these. */
  leaves(addresses: readonly TransportAddress[]): boolean {
    const present = new Set(addresses.map(keyOf));
    return this.known.some((address) => !present.has(keyOf(address)));
  }

  /** False when nothing is new. */
  updateAddresses(addresses: readonly TransportAddress[]): boolean {
    const known = new Set(this.known.map(keyOf));
    const isNew = addresses.length !== known.size || addresses.some((address) => !known.has(keyOf(address)));
    if (!isNew) return false;
    this.known = addresses;
    this.policy.reset(this.options.now());
    if (this.started) this.upgrader.look();
    return true;
  }

  networkChanged(): void {
    this.policy.reset(this.options.now());
    if (this.started) this.upgrader.again();
  }

  dispose(): void {
    this.upgrader.dispose();
  }

  private rerouted(route: Route): void {
    this.policy.rerouted(route);
    if (this.started) this.upgrader.look();
  }

  private attached(): void {
    const { stream, now } = this.options;
    if (!stream.current) return;
    this.rttMs = undefined;
    this.policy.attached(stream.current.route, now());
    if (this.started) this.upgrader.look();
  }
}

const keyOf = ({ tier, value }: TransportAddress): string => `${tier} ${value}`;
