import { Emitter } from '../../extension/src/shared/events.ts';
import type { Listener, Pipe, Route, Tier, Transport } from '../../extension/src/p2p/transport/transport.ts';

/** The pipes of another transport under the name of `tier`, so that a test has several tiers without a server. */
export class NamedTransport implements Transport {
  readonly tier: Tier;
  /** What the pipes made from now on say of themselves. */
  route: Route;
  private readonly inner: Transport;
  private readonly reroutes = new Emitter<Route>();

  constructor(inner: Transport, tier: Exclude<Tier, 'memory'>) {
    this.inner = inner;
    this.tier = tier;
    this.route = tier;
  }

  async dial(...[address, options]: Parameters<Transport['dial']>): Promise<Pipe> {
    return this.named(await this.inner.dial({ ...address, tier: this.inner.tier }, options));
  }

  async listen(options: Parameters<Transport['listen']>[0]): Promise<Listener> {
    const listener = await this.inner.listen({ ...options, onPipe: (pipe) => options.onPipe(this.named(pipe)) });
    return {
      addresses: listener.addresses.map(({ value }) => ({ tier: this.tier, value })),
      dispose: () => listener.dispose(),
    };
  }

  /** The pipes that there are find another route, and say so. */
  reroute(route: Route): void {
    this.route = route;
    this.reroutes.fire(route);
  }

  private named(pipe: Pipe): Pipe {
    const rerouted = new Emitter<void>();
    const named = { ...pipe, route: this.route, remote: `${this.route}:${pipe.remote}`, onRoute: rerouted.event };
    this.reroutes.event((route) => {
      named.route = route;
      rerouted.fire();
    });
    return named;
  }
}
