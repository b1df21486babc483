import type { Route } from '../transport/transport.ts';

/** Bytes that went and came, framing included. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** The same while it is being counted. */
export interface Counter {
  sent: number;
  received: number;
}

/** What went over the transports of one link, by the route that carried it. */
export class TrafficLedger {
  private readonly counters = new Map<Route, Counter>();

  get byRoute(): ReadonlyMap<Route, Traffic> {
    return this.counters;
  }

  get total(): Traffic {
    const total = { sent: 0, received: 0 };
    for (const { sent, received } of this.counters.values()) {
      total.sent += sent;
      total.received += received;
    }
    return total;
  }

  of(route: Route): Counter {
    const counter = this.counters.get(route) ?? { sent: 0, received: 0 };
    this.counters.set(route, counter);
    return counter;
  }
}
