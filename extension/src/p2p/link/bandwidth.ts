/** Bytes a second, all links together; 0 is no limit. */
export interface BandwidthLimits {
  readonly up: number;
  readonly down: number;
}

/** What may go at once after a pause, in seconds of the limit: enough for a timer that comes late, too little to be seen in a second. */
const BURST_SECONDS = 0.05;
/** A turn is this much of a second, within bounds: small pieces keep the rate even, and cost a packet each. */
const TURN_SECONDS = 0.02;
const MIN_TURN_UP_BYTES = 1024;
/** One that comes down costs a packet on the way up beside. */
const MIN_TURN_DOWN_BYTES = 4 * 1024;
const MAX_TURN_BYTES = 64 * 1024;
/** What a channel may have under way of a limited rate: enough for paths of half a second, and soon used up when the limit falls. */
const WINDOW_SECONDS = 0.5;
const MIN_WINDOW_BYTES = 16 * 1024;

/**
 * The bandwidth of an engine, divided among its links. Limits may change at any time and count at once. Only the data of exec channels
 * waits for its turn; control messages, acknowledgements, pings and SSH's own messages are not held up. What goes up is counted whole,
 * what comes down by what the other side is allowed to send.
 */
export class Bandwidth {
  private readonly up: Meter;
  private readonly down: Meter;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(limits: BandwidthLimits = { up: 0, down: 0 }, now: () => number = () => performance.now()) {
    this.up = new Meter(now, MIN_TURN_UP_BYTES);
    this.down = new Meter(now, MIN_TURN_DOWN_BYTES);
    this.setLimits(limits);
  }

  setLimits({ up, down }: BandwidthLimits): void {
    this.up.setLimit(up);
    this.down.setLimit(down);
  }

  /** One link's part. */
  share(): BandwidthShare {
    return new BandwidthShare(this.up, this.down);
  }
}

/** What one link has of the bandwidth: each has as many turns as any other, however many streams it runs. */
export class BandwidthShare {
  private readonly up: Meter;
  private readonly down: Meter;
  /** Granted by `room` and not sent yet: what is counted already. */
  private granted = 0;

  constructor(up: Meter, down: Meter) {
    this.up = up;
    this.down = down;
  }

  /** Resolves to how many of `wanted` bytes may be sent now, once any may. Undefined when all may and nobody has to wait. */
  room(wanted: number): Promise<number> | undefined {
    if (!this.up.limited) return undefined;
    return this.up.turn(this, wanted).then((bytes) => {
      this.granted += bytes;
      return bytes;
    });
  }

  sent(bytes: number): void {
    if (!this.up.limited) return;
    const covered = Math.min(this.granted, bytes);
    this.granted -= covered;
    this.up.charge(bytes - covered);
  }

  /** Resolves to how many of `wanted` bytes the other side may be allowed to send, once any may. Undefined when all may at once. */
  credit(wanted: number): Promise<number> | undefined {
    return this.down.limited ? this.down.turn(this, wanted) : undefined;
  }

  /** What a channel may have under way at present, at most `most`. */
  windowBytes(most: number): number {
    if (!this.down.limited) return most;
    return Math.min(most, Math.max(MIN_WINDOW_BYTES, Math.floor(this.down.bytesPerSecond * WINDOW_SECONDS)));
  }

  /** Lets go of whatever waits. */
  close(): void {
    this.up.forget(this);
    this.down.forget(this);
  }
}

interface Waiter {
  readonly bytes: number;
  readonly resolve: (granted: number) => void;
}

/** A token bucket that may be overdrawn, and those who wait for it to be in credit, one turn each in rotation. */
class Meter {
  private readonly now: () => number;
  private readonly minTurn: number;
  private readonly waiting = new Map<object, Waiter[]>();
  private limit = 0;
  private tokens = 0;
  private filledAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(now: () => number, minTurn: number) {
    this.now = now;
    this.minTurn = minTurn;
  }

  get bytesPerSecond(): number {
    return this.limit;
  }

  get limited(): boolean {
    return this.limit > 0;
  }

  setLimit(bytesPerSecond: number): void {
    this.fill();
    this.limit = bytesPerSecond;
    // What was sent before there was a limit is not held against anybody.
    this.tokens = this.limited ? Math.min(this.tokens, this.limit * BURST_SECONDS) : 0;
    this.pump();
  }

  charge(bytes: number): void {
    this.tokens -= bytes;
  }

  /** Resolves to how many of `bytes` the owner may use, and has been charged for; to all of them when the limit is lifted. */
  turn(owner: object, bytes: number): Promise<number> {
    return new Promise((resolve) => {
      const queue = this.waiting.get(owner) ?? [];
      queue.push({ bytes, resolve });
      this.waiting.set(owner, queue);
      this.pump();
    });
  }

  forget(owner: object): void {
    for (const { bytes, resolve } of this.waiting.get(owner) ?? []) resolve(bytes);
    this.waiting.delete(owner);
    if (this.waiting.size === 0) clearTimeout(this.timer);
  }

  private fill(): void {
    const now = this.now();
    const fresh = ((now - this.filledAt) / 1000) * this.limit;
    this.filledAt = now;
    this.tokens = Math.min(this.tokens + fresh, this.limit * BURST_SECONDS);
  }

  private pump(): void {
    clearTimeout(this.timer);
    if (!this.limited) {
      for (const owner of [...this.waiting.keys()]) this.forget(owner);
      return;
    }
    this.fill();
    const most = Math.min(Math.max(this.limit * TURN_SECONDS, this.minTurn), MAX_TURN_BYTES);
    for (const [owner, queue] of this.waiting) {
      if (this.tokens <= 0) break;
      const [next, ...rest] = queue;
      // At the end of the line again; the loop comes by there too.
      this.waiting.delete(owner);
      if (rest.length > 0) this.waiting.set(owner, rest);
      if (!next) continue;
      const granted = Math.min(next.bytes, Math.floor(most));
      this.tokens -= granted;
      next.resolve(granted);
    }
    if (this.waiting.size === 0) return;
    this.timer = setTimeout(() => this.pump(), Math.max(1, Math.ceil(((1 - this.tokens) / this.limit) * 1000)));
  }
}
