import { createClient } from 'redis';
import type { Metrics } from './metrics.ts';

const MAX_RETRY_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long a farewell may take. */
const CLOSE_MS = 1_000;
/** What a message costs beside its text, roughly. */
const MESSAGE_OVERHEAD = 200;

export interface RedisLineOptions {
  readonly url: string;
  /** Of messages that Redis has not confirmed yet. */
  readonly maxBytes: number;
  readonly metrics: Metrics;
  readonly onMessage: (channel: string, text: string) => void;
  /** Connected, also again: what was listened to is listened to. */
  readonly onReady: () => void;
  readonly onError: (error: unknown) => void;
}

/** A connection to Redis that comes back by itself. It keeps nothing for a Redis that is away, and little for one that is slow. */
export class RedisLine {
  private readonly options: RedisLineOptions;
  private readonly client: ReturnType<typeof clientFor>;
  private queuedBytes = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: RedisLineOptions) {
    this.options = options;
    this.client = clientFor(options.url);
    this.client.on('ready', options.onReady);
    this.client.on('error', options.onError);
    // Fails only when it is closed before it was connected.
    this.client.connect().catch(() => undefined);
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  /** False, and nothing sent, when Redis is away or too much waits for it. */
  publish(channel: string, message: object): boolean {
    if (!this.client.isReady) return false;
    const text = JSON.stringify(message);
    const cost = text.length + MESSAGE_OVERHEAD;
    if (this.queuedBytes + cost > this.options.maxBytes) {
      this.options.metrics.dropped('bus-overflow');
      return false;
    }
    this.queuedBytes += cost;
    this.last = this.client
      .publish(channel, text)
      .catch(this.options.onError)
      .finally(() => (this.queuedBytes -= cost));
    return true;
  }

  /** Resolves when Redis has, or has lost, all that was published until now. */
  async flushed(): Promise<void> {
    await this.last;
  }

  /** Twice is as once. Rejects when Redis goes away meanwhile. */
  async listen(...channels: string[]): Promise<void> {
    await this.client.subscribe(channels, this.hear);
  }

  async ignore(channel: string): Promise<void> {
    await this.client.unsubscribe(channel);
  }

  /** Waits for what is under way, but not for long. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.client.destroy(), CLOSE_MS);
    if (this.client.isReady) await this.client.close().catch(this.options.onError);
    clearTimeout(timer);
    this.client.destroy();
  }

  private readonly hear = (text: string, channel: string): void => this.options.onMessage(channel, text);
}

/** Version 3 of Redis' protocol, because it lets one connection publish and listen, so that both keep their order. */
const clientFor = (url: string) =>
  createClient({
    url,
    RESP: 3,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, MAX_RETRY_MS) * (0.5 + Math.random() / 2),
    },
  });
