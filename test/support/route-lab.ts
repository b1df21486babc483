import { createIdentity, type Identity } from '../../extension/src/p2p/link/identity.ts';
import { LinkHost, type LinkHostOptions } from '../../extension/src/p2p/link/link-host.ts';
import type { ExecStream, Link } from '../../extension/src/p2p/link/link.ts';
import type { LinkTimings } from '../../extension/src/p2p/link/link-timings.ts';
import { MemoryNetwork } from '../../extension/src/p2p/transport/memory.ts';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import type { Route, Tier, Transport, TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import { createLogger } from '../../extension/src/shared/log.ts';
import { BreakableTransport } from './breakable-transport.ts';
import { ChaosTransport, type Chaos } from './chaos-transport.ts';
import { next } from './link-lab.ts';
import { NamedTransport } from './named-transport.ts';

/** Nothing rests, and everything is tried again at once: a test that wants it otherwise says so. */
const TIMINGS: Partial<LinkTimings> = {
  firstRetry: 2,
  lastRetry: 20,
  close: 500,
  upgradeRetries: [5, 10, 20],
  stable: 0,
  headStart: 100,
};

/** A tier of one person, to be broken. */
export class LabTier extends BreakableTransport {
  readonly addresses: TransportAddress[] = [];
  private readonly named: NamedTransport | undefined;

  constructor(transport: Transport, chaos?: Chaos) {
    super(chaos ? new ChaosTransport(transport, chaos) : transport);
    this.named = transport instanceof NamedTransport ? transport : undefined;
  }

  set route(route: Route) {
    if (this.named) this.named.route = route;
  }

  /** See `NamedTransport.reroute`. */
  reroute(route: Route): void {
    this.named?.reroute(route);
  }
}

/** Makes one person's transport of a tier; each meets the others made by it. */
export type TransportOf = (tier: Exclude<Tier, 'memory'>, identity: Identity) => Transport;

/** One person who is on several tiers at once. */
export interface Traveller {
  readonly identity: Identity;
  readonly host: LinkHost;
  readonly log: string[];
  /** Where this person can be reached, worst tier first. */
  readonly addresses: readonly TransportAddress[];
  readonly accepted: Link[];
  tier(tier: Tier): LabTier;
}

/** Makes people who can reach each other on several tiers, each a transport under another name. */
export class RouteLab {
  private readonly people: { readonly host: LinkHost; readonly tiers: readonly LabTier[] }[] = [];
  private readonly transportOf: TransportOf;
  private readonly chaos: Chaos | undefined;

  /** A memory network for each tier when `transportOf` is absent. */
  constructor(transportOf: TransportOf = memoryTiers(), chaos?: Chaos) {
    this.transportOf = transportOf;
    this.chaos = chaos;
  }

  async person(tiers: readonly Exclude<Tier, 'memory'>[], options: Partial<LinkHostOptions> = {}): Promise<Traveller> {
    const identity = options.identity ?? createIdentity();
    const transports = tiers.map((tier) => new LabTier(this.transportOf(tier, identity), this.chaos));
    const log: string[] = [];
    const host = new LinkHost({
      identity,
      transports,
      log: createLogger(({ level, text }) => log.push(`${level} ${text}`)),
      software: 'test/1',
      ...options,
      timings: { ...TIMINGS, ...options.timings },
    });
    this.people.push({ host, tiers: transports });
    const accepted: Link[] = [];
    host.onLink((link) => accepted.push(link));
    for (const transport of transports.filter(({ tier }) => options.tiers?.includes(tier) ?? true)) {
      const { addresses } = await host.listen({ tier: transport.tier });
      transport.addresses.push(...addresses);
    }
    return {
      identity,
      host,
      log,
      accepted,
      addresses: transports.flatMap(({ addresses }) => addresses).reverse(),
      tier: (tier) => transports.find((each) => each.tier === tier)!,
    };
  }

  /** Two people on the tiers, both ways. */
  async two(...args: Parameters<RouteLab['person']>): Promise<[Traveller, Traveller]> {
    return [await this.person(...args), await this.person(...args)];
  }

  /** A link from `a` to `b`, as each of them holds it; both admit each other. */
  async link(a: Traveller, b: Traveller, addresses = b.addresses): Promise<[Link, Link]> {
    const arriving = next(b.host.onLink, (link) => link.peer === a.identity.peer);
    const dialed = await a.host.dial({ peer: b.identity.peer, addresses });
    const accepted = await arriving;
    dialed.admit();
    accepted.admit();
    return [dialed, accepted];
  }

  dispose(): void {
    for (const { host, tiers } of this.people.splice(0)) {
      host.dispose();
      for (const tier of tiers) tier.cut();
    }
  }
}

/** All tiers by TCP, each under its name. */
export const tcpTiers: TransportOf = (tier) => new NamedTransport(onLoopback(tcpTransport), tier);

function memoryTiers(): TransportOf {
  const networks = new Map<Tier, MemoryNetwork>();
  return (tier) => {
    const network = networks.get(tier) ?? new MemoryNetwork();
    networks.set(tier, network);
    return new NamedTransport(network.transport(), tier);
  };
}

/** Listens so that only this machine can connect. */
export function onLoopback(transport: Transport): Transport {
  return {
    tier: transport.tier,
    dial: (...args) => transport.dial(...args),
    listen: (options) => transport.listen({ ...options, host: '127.0.0.1' }),
  };
}

/** Resolves when the link is connected by `route`. */
export async function onRoute(link: Link, route: Route): Promise<void> {
  while (link.route !== route || link.state !== 'connected') {
    await Promise.race([next(link.onRoute), next(link.onState)]);
  }
}

export const ping = (link: Link): Promise<object> => link.control.request('ping', {});

/** The states that a link goes through from now on. */
export function statesOf(link: Link): string[] {
  const states: string[] = [];
  link.onState((state) => states.push(state));
  return states;
}

/** A stream from `to` that never ends, flowing. */
export async function flood(from: Link, to: Link): Promise<ExecStream> {
  to.onExec((_, stream) => {
    const chunk = Buffer.alloc(64 * 1024);
    stream.on('error', () => undefined);
    const more = (): void => {
      while (!stream.destroyed && stream.write(chunk));
    };
    stream.on('drain', more);
    more();
    return true;
  });
  const stream = await from.exec('flood');
  stream.on('error', () => undefined);
  return stream;
}
