import type { Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Pipe, Tier, TransportAddress } from '../transport/transport.ts';
import type { LinkTimings } from './link-timings.ts';
import { Mover, type MoverOptions, type Opening } from './mover.ts';
import { Reconnector } from './reconnector.ts';
import { RoutePolicy, type BetterRoute } from './route-policy.ts';
import { Upgrader } from './upgrader.ts';

export interface RouteKeeperOptions extends MoverOptions {
  readonly addresses: readonly TransportAddress[];
  /** Those that may be used, best first. */
  readonly tiers: readonly Tier[];
  readonly timings: LinkTimings;
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** The dialer's care for the transport of its link: finds a way back when it was lost, and a better one while it stands. */
export class RouteKeeper implements Disposable {
  private readonly options: RouteKeeperOptions;
  private readonly mover: Mover;
  private readonly policy: RoutePolicy;
  private readonly upgrader: Upgrader;
  private addresses: readonly TransportAddress[];
  private reconnector: Reconnector | undefined;
  private rttMs: number | undefined;
  private started = false;

  constructor(options: RouteKeeperOptions) {
    const { stream, now, log } = options;
    this.options = options;
    this.addresses = options.addresses;
    this.mover = new Mover(options);
    this.policy = new RoutePolicy(options);
    this.upgrader = new Upgrader({
      mover: this.mover,
      policy: this.policy,
      addresses: () => this.addresses,
      rttMs: () => this.rttMs,
      now,
      log,
    });
    stream.onRtt((rtt) => (this.rttMs = rtt));
    stream.onAttached(() => this.attached());
    stream.onLost(() => this.policy.dropped(now()));
    this.attached();
  }

  /** Resolves when the move that is under way is decided; undefined when there is none. */
  get moving(): Promise<void> | undefined {
    return this.mover.underWay;
  }

  get betterRoutes(): readonly BetterRoute[] {
    return this.policy.better(this.options.now());
  }

  /** Begins to look for better routes. `begun` are transports that were being dialed when another one made the link. */
  start(begun: (mover: Mover) => readonly Opening[]): void {
    this.started = true;
    this.upgrader.adopt(begun(this.mover));
  }

  /** Finds a way back after the transport dropped. Rejects as `Reconnector.run`. */
  async reconnect(signal: AbortSignal): Promise<void> {
    const { timings, log, random, now } = this.options;
    const reconnector = new Reconnector({
      mover: this.mover,
      isResting: (route) => this.policy.isResting(route, now()),
      timings,
      log,
      random,
    });
    this.reconnector = reconnector;
    try {
      this.upgrader.adopt(await reconnector.run(this.allowed(), signal));
    } finally {
      if (this.reconnector === reconnector) this.reconnector = undefined;
    }
  }

  /** Moves the link to `pipe`, which it takes over. Throws `link-lost` when the peer is not there or does not agree. */
  async moveTo(pipe: Pipe): Promise<void> {
    try {
      await this.mover.take(await this.mover.offer(pipe), () => true);
    } catch (error) {
      pipe.stream.destroy();
      throw new PeerweaveError('link-lost', `The link stays where it is: ${messageOf(error)}`, { cause: error });
    }
  }

  /** False when nothing is new. */
  updateAddresses(addresses: readonly TransportAddress[]): boolean {
    const known = new Set(this.addresses.map(keyOf));
    const isNew = addresses.length !== known.size || addresses.some((address) => !known.has(keyOf(address)));
    if (!isNew) return false;
    this.addresses = addresses;
    this.policy.reset(this.options.now());
    this.reconnector?.look(this.allowed());
    if (this.started) this.upgrader.look();
    return true;
  }

  networkChanged(): void {
    this.policy.reset(this.options.now());
    this.reconnector?.again();
    if (this.started) this.upgrader.again();
  }

  dispose(): void {
    this.upgrader.dispose();
  }

  private attached(): void {
    const { stream, now } = this.options;
    if (!stream.current) return;
    this.rttMs = undefined;
    this.policy.attached(stream.current.route, now());
    this.reconnector?.finish();
    if (this.started) this.upgrader.look();
  }

  private allowed(): TransportAddress[] {
    return this.addresses.filter(({ tier }) => this.options.tiers.includes(tier));
  }
}

const keyOf = ({ tier, value }: TransportAddress): string => `${tier} ${value}`;
