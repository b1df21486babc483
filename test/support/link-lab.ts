import { createIdentity, type Identity } from '../../extension/src/p2p/link/identity.ts';
import { LinkHost, type LinkHostOptions } from '../../extension/src/p2p/link/link-host.ts';
import type { Link, LinkState } from '../../extension/src/p2p/link/link.ts';
import type { LinkTimings } from '../../extension/src/p2p/link/link-timings.ts';
import type { Listener, Transport, TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import type { PeerweaveError } from '../../extension/src/shared/errors.ts';
import type { Event } from '../../extension/src/shared/events.ts';
import { createLogger } from '../../extension/src/shared/log.ts';
import { BreakableTransport } from './breakable-transport.ts';

/** Short enough for tests, long enough for a busy machine: only what a test waits for on purpose is short. */
const TIMINGS: Partial<LinkTimings> = { firstRetry: 2, lastRetry: 20, close: 500 };

/** One person's link host, with a network that can be broken and a log that can be read. */
export interface Person {
  readonly identity: Identity;
  readonly host: LinkHost;
  readonly network: BreakableTransport;
  readonly log: string[];
  /** Where this person can be reached. */
  readonly addresses: TransportAddress[];
  /** Links that others dialed, in order. */
  readonly accepted: Link[];
}

/** Makes people who can reach each other on one tier, and cleans up after them. */
export class LinkLab {
  private readonly people: Person[] = [];
  private readonly transport: () => Transport;
  private readonly listenHost: string | undefined;

  constructor(transport: () => Transport, listenHost?: string) {
    this.transport = transport;
    this.listenHost = listenHost;
  }

  async person(options: Partial<LinkHostOptions> = {}): Promise<Person> {
    const identity = options.identity ?? createIdentity();
    const network = new BreakableTransport(this.transport());
    const log: string[] = [];
    const host = new LinkHost({
      identity,
      transports: [network],
      log: createLogger(({ level, text }) => log.push(`${level} ${text}`)),
      software: 'test/1',
      ...options,
      timings: { ...TIMINGS, ...options.timings },
    });
    const accepted: Link[] = [];
    host.onLink((link) => accepted.push(link));
    const addresses: TransportAddress[] = [];
    const person = { identity, host, network, log, addresses, accepted };
    addresses.push(...(await this.listen(person)).addresses);
    this.people.push(person);
    return person;
  }

  /** One more listener, at an address of its own. */
  listen({ host }: Person): Promise<Listener> {
    return host.listen(this.listenHost === undefined ? {} : { host: this.listenHost });
  }

  /** A link from `a` to `b`, as each of them holds it; both admit each other. */
  async link(a: Person, b: Person): Promise<[Link, Link]> {
    const arriving = next(b.host.onLink, (link) => link.peer === a.identity.peer);
    const dialed = await a.host.dial({ peer: b.identity.peer, addresses: b.addresses });
    const accepted = await arriving;
    dialed.admit();
    accepted.admit();
    return [dialed, accepted];
  }

  dispose(): void {
    for (const { host, network } of this.people.splice(0)) {
      host.dispose();
      network.cut();
    }
  }
}

/** The next value of an event that `matches`. */
export function next<T>(event: Event<T>, matches: (value: T) => boolean = () => true): Promise<T> {
  return new Promise((resolve) => {
    const subscription = event((value) => {
      if (!matches(value)) return;
      subscription.dispose();
      resolve(value);
    });
  });
}

/** Resolves when the link is in `state`. */
export async function inState(link: Link, state: LinkState): Promise<void> {
  if (link.state !== state) await next(link.onState, (each) => each === state);
}

/** What the link was closed for. */
export const closed = (link: Link): Promise<PeerweaveError> => next(link.onClosed);
