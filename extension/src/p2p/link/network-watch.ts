import { networkInterfaces } from 'node:os';
import type { Disposable } from '../../shared/disposable.ts';
import { Emitter } from '../../shared/events.ts';

/** Node tells nobody when the network changes. A look costs some tens of microseconds; a person who moves waits no longer than this. */
const INTERVAL_MS = 3_000;
/** A tick that comes so much later than it should: the machine has slept. A busy one may too, which costs a ping for each link. */
const SLEPT_MS = 10_000;

export interface NetworkWatchOptions {
  /** Milliseconds of a clock that goes on while the machine sleeps, as that of the wall does. */
  readonly now?: () => number;
  /** The present addresses of this machine, in any order. */
  readonly addresses?: () => readonly string[];
  readonly intervalMs?: number;
}

/** Notices that the machine's addresses have changed, or that it has slept: what was connected then may be gone without a word (LI9). */
export class NetworkWatch implements Disposable {
  private readonly now: () => number;
  private readonly addresses: () => readonly string[];
  private readonly intervalMs: number;
  private readonly emitter = new Emitter<void>();
  private readonly timer: NodeJS.Timeout;
  private known: string;
  private lookedAt: number;

  constructor({ now = Date.now, addresses = ownAddresses, intervalMs = INTERVAL_MS }: NetworkWatchOptions = {}) {
    this.now = now;
    this.addresses = addresses;
    this.intervalMs = intervalMs;
    this.known = this.read();
    this.lookedAt = now();
    this.timer = setInterval(() => this.look(), intervalMs);
    this.timer.unref();
  }

  readonly onChange = this.emitter.event;

  dispose(): void {
    clearInterval(this.timer);
    this.emitter.dispose();
  }

  private look(): void {
    const [known, lookedAt] = [this.known, this.lookedAt];
    this.known = this.read();
    this.lookedAt = this.now();
    if (this.known !== known || this.lookedAt - lookedAt > this.intervalMs + SLEPT_MS) this.emitter.fire();
  }

  private read(): string {
    try {
      return [...this.addresses()].sort().join(' ');
    } catch {
      // Some sandboxes forbid to ask; then there is nothing to see.
      return '';
    }
  }
}

/** Of all interfaces but the loopback. IPv6 ones that rotate for privacy are a change as any other: it costs a ping for each link. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
}
