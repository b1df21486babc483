import type { PeerweaveError, Reason } from '../../shared/errors.ts';
import type { Clock } from './clock.ts';

/** Exponential backoff with full jitter: somewhere from `leastMs` to the smaller of `mostMs` and `firstMs` doubled by each failure. */
interface Backoff {
  readonly leastMs: number;
  readonly firstMs: number;
  readonly mostMs: number;
}

/** A server that is away may be back at any time. */
const AWAY: Backoff = { leastMs: 50, firstMs: 500, mostMs: 30_000 };
/** One that does not want us will not change its mind so soon. */
const UNWELCOME: Backoff = { leastMs: 2_000, firstMs: 5_000, mostMs: 120_000 };

const UNWELCOMING: ReadonlySet<Reason> = new Set(['room-full', 'rate-limited', 'signaling-refused']);

/** One of the servers that may be used, and when it may be tried again. */
export interface Server {
  readonly url: URL;
  /** Place in the list; the first is preferred. */
  readonly rank: number;
}

interface Standing {
  readonly server: Server;
  failures: number;
  notBefore: number;
  /** It asked for the wait, so that nothing cuts that short. */
  asked: boolean;
}

/** The servers of a room, best first, and when each may be tried again. */
export class ServerList {
  readonly first: Server;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly standings: readonly Standing[];

  /** `random` gives numbers from 0 up to 1. */
  constructor(urls: readonly [URL, ...URL[]], clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
    this.standings = urls.map((url, rank) => ({ server: { url, rank }, failures: 0, notBefore: 0, asked: false }));
    this.first = { url: urls[0], rank: 0 };
  }

  /** Those that may be tried now, best first: better than `rank`, and not `busy`. */
  due(rank: number, busy: ReadonlyMap<number, unknown>): Server[] {
    const now = this.clock.now();
    return this.eligible(rank, busy)
      .filter(({ notBefore }) => notBefore <= now)
      .map(({ server }) => server);
  }

  /** Milliseconds until one that is better than `rank` and not `busy` may be tried; Infinity when there is none. */
  untilDue(rank: number, busy: ReadonlyMap<number, unknown>): number {
    const times = this.eligible(rank, busy).map(({ notBefore }) => notBefore);
    return Math.max(0, Math.min(...times) - this.clock.now());
  }

  /** An attempt failed, or a connection was lost that had not proved good. */
  failed(server: Server, { reason }: PeerweaveError): void {
    const standing = this.standingOf(server);
    standing.failures += 1;
    const { leastMs, firstMs, mostMs } = UNWELCOMING.has(reason) ? UNWELCOME : AWAY;
    // 2 ** 30 is far past any maximum; the bound keeps the power finite.
    const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(standing.failures - 1, 30));
    this.hold(standing, leastMs + this.random() * (ceiling - leastMs), UNWELCOMING.has(reason));
  }

  /** A connection proved good. */
  proved(server: Server): void {
    this.standingOf(server).failures = 0;
  }

  /** The server said when to come back; everybody was told a moment of their own. */
  goAway(server: Server, afterMs: number): void {
    this.hold(this.standingOf(server), afterMs, true);
  }

  /** The network is another one, or awake again: whatever failed before may work now. */
  forgive(): void {
    for (const standing of this.standings) {
      if (!standing.asked) Object.assign(standing, { failures: 0, notBefore: 0 });
    }
  }

  private eligible(rank: number, busy: ReadonlyMap<number, unknown>): Standing[] {
    return this.standings.filter(({ server }) => server.rank < rank && !busy.has(server.rank));
  }

  private hold(standing: Standing, ms: number, asked: boolean): void {
    standing.notBefore = Math.max(standing.notBefore, this.clock.now() + ms);
    standing.asked = asked;
  }

  private standingOf({ rank }: Server): Standing {
    const standing = this.standings[rank];
    if (standing === undefined) throw new RangeError(`There is no server ${rank}.`);
    return standing;
  }
}
