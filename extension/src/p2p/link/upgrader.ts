import type { Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Tier, TransportAddress } from '../transport/transport.ts';
import type { Mover, Opening } from './mover.ts';
import type { RoutePolicy } from './route-policy.ts';

export interface UpgraderOptions {
  readonly mover: Mover;
  readonly policy: RoutePolicy;
  /** Where the peer can be reached, as far as is known now. */
  readonly addresses: () => readonly TransportAddress[];
  /** The present round trip in milliseconds. */
  readonly rttMs: () => number | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Finds better routes for a link that stands (LI2, LI3): tries the better tiers at once, then now and then, and moves the link to what is
 * found. When, and whether it is worth it, is the policy's to say.
 */
export class Upgrader implements Disposable {
  private readonly options: UpgraderOptions;
  private readonly underWay = new Map<Tier, readonly Opening[]>();
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;

  constructor(options: UpgraderOptions) {
    this.options = options;
  }

  /** Begins whatever is due, and sets the clock for the rest. Called whenever the policy was told something. */
  look(): void {
    const { policy, addresses, mover, now } = this.options;
    if (this.disposed) return;
    for (const tier of policy.due(now())) {
      const known = addresses().filter((address) => address.tier === tier);
      if (known.length === 0) policy.failed(tier, 'No address of the peer is known.', now());
      else
        this.search(
          tier,
          known.map((address) => mover.open(address)),
        );
    }
    this.setClock();
  }

  /** Goes on with what others have begun and have no use for: better routes are searched, the rest is stopped. */
  adopt(openings: readonly Opening[]): void {
    const { policy, now } = this.options;
    const due = this.disposed ? [] : policy.due(now());
    for (const tier of due) {
      const ofTier = openings.filter(({ address }) => address.tier === tier);
      if (ofTier.length > 0) this.search(tier, ofTier);
    }
    for (const opening of openings) if (!due.includes(opening.address.tier)) opening.stop();
    this.look();
  }

  /** Begins anew with every tier: what is under way may be stuck in a network that is gone. */
  again(): void {
    for (const openings of this.underWay.values()) for (const opening of openings) opening.stop();
    this.look();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    for (const openings of this.underWay.values()) for (const opening of openings) opening.stop();
  }

  private search(tier: Tier, openings: readonly Opening[]): void {
    const { policy, now, log } = this.options;
    policy.began(tier);
    this.underWay.set(tier, openings);
    const searching = Promise.any(openings.map((opening) => this.take(opening)));
    void searching
      .then(
        () => policy.ended(tier),
        (error: unknown) => {
          const why = reasons(error);
          log.debug(`no better route by ${tier}: ${why}`);
          policy.failed(tier, why, now());
        },
      )
      .finally(() => {
        this.underWay.delete(tier);
        for (const opening of openings) opening.stop();
        this.look();
      });
  }

  private async take(opening: Opening): Promise<void> {
    const { mover, policy, rttMs, now } = this.options;
    const offer = await opening.offer;
    const { route } = offer.pipe;
    const objection = policy.objection(route, offer.rttMs, rttMs(), now());
    if (objection !== undefined) throw new PeerweaveError('unreachable', objection);
    await mover.take(offer, () => policy.isBetter(route));
  }

  private setClock(): void {
    clearTimeout(this.timer);
    const at = this.options.policy.nextAt();
    if (at === undefined) return;
    this.timer = setTimeout(() => this.look(), Math.max(0, at - this.options.now()));
    this.timer.unref();
  }
}

/** Why no address of a tier led anywhere, each reason once. */
function reasons(error: unknown): string {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return [...new Set(errors.map(messageOf))].join(' ');
}
