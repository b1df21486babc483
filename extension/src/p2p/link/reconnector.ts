import { deferred } from '../../shared/deferred-promise.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Route, TransportAddress } from '../transport/transport.ts';
import type { LinkTimings } from './link-timings.ts';
import type { Mover, Opening } from './mover.ts';
import { pause } from './pause.ts';
import { UnknownLinkError } from './resume-handshake.ts';
import { bestRouteOf } from './route-worth.ts';

export interface ReconnectorOptions {
  readonly mover: Mover;
  /** Whether a route gives others a start, because it has dropped the link too often. */
  readonly isResting: (route: Route) => boolean;
  readonly timings: LinkTimings;
  readonly log: Logger;
  /** From 0 to 1: spreads the attempts of peers that lost the same network at the same time. */
  readonly random: () => number;
}

/** An address that is tried again and again. */
interface Trial {
  readonly address: TransportAddress;
  readonly ended: AbortController;
  /** Ends the pause before the next attempt. */
  awake: AbortController;
  opening: Opening | undefined;
  /** The peer has answered, and the link is about to move. */
  answered: boolean;
}

/**
 * Picks a dropped link up again (LI4), once: all known addresses together, each again and again at its own pace,
 * so that one that is silent holds up no other. The first at which the peer stands takes the link.
 */
export class Reconnector {
  private readonly options: ReconnectorOptions;
  private readonly trials = new Map<string, Trial>();
  private readonly outcome = deferred<readonly Opening[]>();
  /** Those that have not failed yet and give nobody a start. */
  private readonly hopes = new Set<Trial>();
  private readonly nothingToHope = deferred();
  private over = false;

  constructor(options: ReconnectorOptions) {
    this.options = options;
  }

  /**
   * Resolves when the link is on a transport again, to what is still under way elsewhere. Rejects with `UnknownLinkError` when the peer
   * says that it does not know the link any more, with `cancelled` when `signal` fires.
   */
  async run(addresses: readonly TransportAddress[], signal: AbortSignal): Promise<readonly Opening[]> {
    const onAbort = (): void => this.outcome.reject(new PeerweaveError('cancelled', 'The link is not to be found.'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const start = setTimeout(() => this.nothingToHope.resolve(), this.options.timings.headStart);
    this.look(addresses);
    try {
      return await this.outcome.promise;
    } catch (error) {
      for (const { opening } of this.trials.values()) opening?.stop();
      throw error;
    } finally {
      this.over = true;
      this.nothingToHope.resolve();
      clearTimeout(start);
      signal.removeEventListener('abort', onAbort);
      for (const { ended } of this.trials.values()) ended.abort();
    }
  }

  /** Tries these addresses from now on, those that rest between two attempts at once. */
  look(addresses: readonly TransportAddress[]): void {
    if (this.over) return;
    const wanted = new Map(addresses.map((address) => [`${address.tier} ${address.value}`, address]));
    for (const [key, trial] of this.trials) if (!wanted.has(key)) this.drop(key, trial);
    for (const [key, address] of wanted) {
      const known = this.trials.get(key);
      if (known) known.awake.abort();
      else this.add(key, address);
    }
    if (this.hopes.size === 0) this.nothingToHope.resolve();
  }

  /** Begins anew with every address: what is under way may be stuck in a network that is gone. */
  again(): void {
    for (const { opening, answered, awake } of this.trials.values()) {
      if (!answered) opening?.stop();
      awake.abort();
    }
  }

  /** Resolves when others have had the start that `route` owes them: at once for most. */
  async headStart(route: Route): Promise<void> {
    if (this.options.isResting(route)) await this.nothingToHope.promise;
  }

  /** The link stands again, by whatever way: hands over what is still under way. */
  finish(): void {
    this.over = true;
    this.outcome.resolve([...this.trials.values()].flatMap(({ opening }) => opening ?? []));
  }

  private add(key: string, address: TransportAddress): void {
    const [ended, awake] = [new AbortController(), new AbortController()];
    const trial: Trial = { address, ended, awake, opening: undefined, answered: false };
    this.trials.set(key, trial);
    if (!this.options.isResting(bestRouteOf(address.tier))) this.hopes.add(trial);
    void this.keepTrying(trial);
  }

  private drop(key: string, trial: Trial): void {
    this.trials.delete(key);
    this.hopes.delete(trial);
    trial.ended.abort();
    trial.opening?.stop();
  }

  private async keepTrying(trial: Trial): Promise<void> {
    const { timings, log, random } = this.options;
    for (let rest = timings.firstRetry; ; rest = Math.min(2 * rest, timings.lastRetry)) {
      trial.awake = new AbortController();
      try {
        await this.attempt(trial);
      } catch (error) {
        if (error instanceof UnknownLinkError) this.outcome.reject(error);
        log.debug(`not reconnected by ${trial.address.tier} yet: ${messageOf(error)}`);
      }
      if (this.over) return;
      Object.assign(trial, { opening: undefined, answered: false });
      this.hopes.delete(trial);
      if (this.hopes.size === 0) this.nothingToHope.resolve();
      await pause(rest * (0.5 + random() / 2), AbortSignal.any([trial.ended.signal, trial.awake.signal]));
      if (trial.ended.signal.aborted) return;
    }
  }

  private async attempt(trial: Trial): Promise<void> {
    const { mover } = this.options;
    const opening = mover.open(trial.address);
    trial.opening = opening;
    const offer = await opening.offer;
    trial.answered = true;
    await this.headStart(offer.pipe.route);
    // Another was faster; whoever is told of the others decides about this one.
    if (this.isOver()) return;
    await mover.take(offer, () => !this.over);
    this.finish();
  }

  /** It may have ended while we waited, which the compiler does not know. */
  private isOver(): boolean {
    return this.over;
  }
}
