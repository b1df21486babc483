import { deferred, type Deferred } from '../../shared/deferred-promise.ts';
import type { Clock } from './clock.ts';
import type { IceServer } from './wire/messages.ts';

/** Credentials with less left than this, or than half of their life, are asked for anew. */
const MARGIN_SECONDS = 300;
/** RFC 7064, RFC 7065. A server could write anything. */
const ICE_URL = /^(?:stuns?|turns?):[^\s/?#@]+(?:\?transport=(?:udp|tcp))?$/i;

/** The ICE servers that a signaling server names, asked for again before their credentials run out. */
export class IceCache {
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly ask: () => void;
  private servers: readonly IceServer[] = [];
  private renewAt = 0;
  private expireAt = 0;
  private pending: Deferred<void> | undefined;

  /** `ask` sends the request. */
  constructor(clock: Clock, timeoutMs: number, ask: () => void) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.ask = ask;
  }

  take(ice: readonly IceServer[], seconds: number): void {
    const now = this.clock.now();
    this.servers = ice.filter(({ urls }) => urls.every((url) => ICE_URL.test(url)));
    const expires = this.servers.some(({ credential }) => credential !== undefined);
    this.expireAt = expires ? now + seconds * 1000 : Infinity;
    this.renewAt = this.expireAt - Math.min(MARGIN_SECONDS, seconds / 2) * 1000;
    this.pending?.resolve();
  }

  /** What is known when the server does not answer in time; never credentials that have run out. */
  async get(): Promise<readonly IceServer[]> {
    if (this.clock.now() >= this.renewAt) await this.renew();
    if (this.clock.now() < this.expireAt) return this.servers;
    return this.servers.filter(({ credential }) => credential === undefined);
  }

  /** Lets those go who wait, with what is known. */
  stop(): void {
    this.pending?.resolve();
  }

  private async renew(): Promise<void> {
    if (this.pending !== undefined) return this.pending.promise;
    const pending = deferred();
    this.pending = pending;
    const timer = this.clock.after(this.timeoutMs, () => pending.resolve());
    try {
      this.ask();
      await pending.promise;
    } finally {
      timer.dispose();
      this.pending = undefined;
    }
  }
}
