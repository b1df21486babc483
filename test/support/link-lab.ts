import { createIdentity, type Identity } from '../../extension/src/p2p/link/identity.ts';
import { LinkHost, type LinkHostOptions } from '../../extension/src/p2p/link/link-host.ts';
import type { Link, LinkState } from '../../extension/src/p2p/link/link.ts';
import type { LinkTimings } from '../../extension/src/p2p/link/link-timings.ts';
import type { Listener, Transport, TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import type { PeerweaveError } from '../../extension/src/shared/errors.ts';
import type { Disposable } from '../../extension/src/shared/disposable.ts';
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

/** A transport that may hold something of its own, as a connection to a server. */
export type LabTransport = Transport & Partial<Disposable>;

/** Makes people who can reach each other on one tier, and cleans up after them. */
export class LinkLab {
  private readonly people = new Map<Person, { readonly transport: LabTransport; readonly listeners: Listener[] }>();
  private readonly transport: (identity: Identity) => LabTransport | Promise<LabTransport>;
  private readonly listenHost: string | undefined;

  /** `transport` makes one person's; each meets the others made by it. */
  constructor(transport: (identity: Identity) => LabTransport | Promise<LabTransport>, listenHost?: string) {
    this.transport = transport;
    this.listenHost = listenHost;
  }

  async person(options: Partial<LinkHostOptions> = {}): Promise<Person> {
    const identity = options.identity ?? createIdentity();
    const transport = await this.transport(identity);
    const network = new BreakableTransport(transport);
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
    const person = { identity, host, network, log, addresses: [], accepted };
    this.people.set(person, { transport, listeners: [] });
    await this.listen(person);
    return person;
  }

  /** The person is no longer found where it was, but elsewhere; links that it has stay. Resolves to where. */
  async moveHouse(person: Person): Promise<readonly TransportAddress[]> {
    for (const listener of this.people.get(person)?.listeners.splice(0) ?? []) listener.dispose();
    person.addresses.splice(0);
    await this.listen(person);
    return person.addresses;
  }

  /** As a process does that is killed: nobody is told anything. */
  vanish(person: Person): void {
    person.network.silence();
    this.remove(person);
  }

  private async listen(person: Person): Promise<void> {
    const listener = await person.host.listen(this.listenHost === undefined ? {} : { host: this.listenHost });
    this.people.get(person)?.listeners.push(listener);
    person.addresses.push(...listener.addresses);
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

  /** Rejects unless an honest stranger gets through to the person. */
  async isAlive(person: Person): Promise<void> {
    const [link] = await this.link(await this.person(), person);
    await link.control.request('ping', {});
  }

  dispose(): void {
    for (const person of [...this.people.keys()]) this.remove(person);
  }

  private remove(person: Person): void {
    const { transport } = this.people.get(person) ?? {};
    this.people.delete(person);
    person.host.dispose();
    person.network.cut();
    transport?.dispose?.();
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

/** The next link that somebody dials to `person`. */
export const arrival = (person: Person): Promise<Link> => next(person.host.onLink);

/** Resolves when the link is in `state`. */
export async function inState(link: Link, state: LinkState): Promise<void> {
  if (link.state !== state) await next(link.onState, (each) => each === state);
}

/** What the link was closed for. */
export const closed = (link: Link): Promise<PeerweaveError> => next(link.onClosed);
