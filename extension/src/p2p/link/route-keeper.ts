import type { Disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Pipe, TransportAddress } from '../transport/transport.ts';
import { Reconnector } from './reconnector.ts';
import { RouteSearch, type RouteSearchOptions } from './route-search.ts';

/**
 * One end's care for the transport of its link: searches for a better one, and for a way back when it was lost. The dialer decides on
 * every move; where the acceptor finds something, it asks the dialer to come there (`beckon.ts`).
 */
export class RouteKeeper implements Disposable {
  readonly search: RouteSearch;
  private readonly options: RouteSearchOptions;
  private reconnector: Reconnector | undefined;

  constructor(options: RouteSearchOptions) {
    this.options = options;
    this.search = new RouteSearch(options);
    options.stream.onAttached(() => this.reconnector?.finish());
  }

  /** Resolves when the move that is under way is decided; undefined when there is none. */
  get moving(): Promise<void> | undefined {
    return this.options.mover.underWay;
  }

  /** Finds a way back after the transport dropped. Rejects as `Reconnector.run`. */
  async reconnect(signal: AbortSignal): Promise<void> {
    const { mover, timings, log, random, now } = this.options;
    const isResting = this.search.policy.isResting.bind(this.search.policy);
    const reconnector = new Reconnector({
      mover,
      isResting: (route) => isResting(route, now()),
      timings,
      log,
      random,
    });
    this.reconnector = reconnector;
    try {
      this.search.adopt(await reconnector.run(this.search.addresses, signal));
    } finally {
      if (this.reconnector === reconnector) this.reconnector = undefined;
    }
  }

  /** Moves the link to `pipe`, which it takes over. Throws `link-lost` when the peer is not there or does not agree. */
  async moveTo(pipe: Pipe): Promise<void> {
    const { mover } = this.options;
    try {
      await mover.take(await mover.ask(pipe), () => true);
    } catch (error) {
      pipe.stream.destroy();
      throw new PeerweaveError('link-lost', `The link stays where it is: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * The acceptor came by a transport of its own. Moves the link there if that is better, or if there is none. Throws when it is not; the
   * pipe is to be destroyed.
   */
  async beckoned(pipe: Pipe): Promise<void> {
    const { mover, now } = this.options;
    const { policy } = this.search;
    const offer = await mover.ask(pipe);
    const objection = policy.objection(pipe.route, offer.rttMs, undefined, now());
    if (objection !== undefined) throw new PeerweaveError('cancelled', objection);
    await this.reconnector?.headStart(pipe.route);
    await mover.take(offer, () => policy.isBetter(pipe.route));
  }

  updateAddresses(addresses: readonly TransportAddress[]): void {
    if (this.search.updateAddresses(addresses)) this.reconnector?.look(this.search.addresses);
  }

  networkChanged(): void {
    this.search.networkChanged();
    this.reconnector?.again();
  }

  dispose(): void {
    this.search.dispose();
  }
}
