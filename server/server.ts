import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { PeerweaveError } from '../extension/src/shared/errors.ts';
import { silentLogger } from '../extension/src/shared/log.ts';
import { RateLimit } from '../extension/src/shared/rate-limit.ts';
import { Addresses, BURST_SECONDS, TrustedProxies } from './addresses.ts';
import { Client, type Hub } from './client.ts';
import { CLOSE_TIMEOUT_MS, Connection } from './connection.ts';
import { FrontDoor } from './front-door.ts';
import { closeServer, httpServer, listen, respond } from './http.ts';
import { Meetings } from './meetings.ts';
import { Metrics } from './metrics.ts';
import { DEFAULT_LIMITS, type RunningServer, type ServerLimits, type ServerOptions } from './options.ts';
import { Rooms } from './rooms.ts';
import { IceServers } from './turn.ts';

/** Starts a signaling and relay server. Throws `bad-request` when an option is wrong or the port is taken. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const server = new SignalingServer(options);
  try {
    if (options.redis !== undefined) await server.share(options.redis);
    await server.listen();
  } catch (error) {
    await server.close({ drainMs: 0 });
    throw error;
  }
  return server;
}

/** Nobody but this machine reads the metrics. */
const LOOPBACK = '127.0.0.1';

class SignalingServer implements RunningServer {
  url = '';
  port = 0;
  metricsUrl: string | undefined;
  private readonly options: ServerOptions;
  private readonly limits: ServerLimits;
  private readonly now: () => number;
  private readonly metrics: Metrics;
  private readonly http: Server;
  private readonly metricsHttp: Server;
  private readonly rooms: Rooms;
  private readonly addresses: Addresses;
  private readonly hub: Hub;
  private readonly connections = new Set<Connection>();
  private stopping = false;
  private closing: Promise<void> | undefined;
  private emptied: (() => void) | undefined;

  constructor(options: ServerOptions) {
    this.options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.now = options.now ?? (() => performance.now());
    // What may throw comes before what has to be closed again.
    const proxies = new TrustedProxies(options.trustProxies ?? []);
    const ice = new IceServers(options.stun ?? [], options.turn);
    if (options.redis !== undefined) checkUrl('a Redis', options.redis, /^rediss?:$/, 'redis://host:6379');
    if (options.advertise !== undefined)
      checkUrl('a WebSocket', options.advertise, /^wss?:$/, 'wss://node1.example.org');
    this.metrics = new Metrics({
      connections: () => this.connections.size,
      rooms: () => this.rooms.size,
      queuedBytes: () => [...this.connections].reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
      redis: () => this.rooms.bus.state,
    });
    const { limits, metrics, now } = this;
    this.rooms = new Rooms(limits, now, (room) => this.hub.meetings.close(room));
    this.addresses = new Addresses(limits, now);
    this.hub = {
      rooms: this.rooms,
      meetings: new Meetings({ limits, metrics, onEnd: (room) => this.rooms.forget(room) }),
      metrics,
      token: options.token,
      advertise: () => options.advertise ?? this.url,
      iceServers: () => ice.now(),
      isStopping: () => this.stopping,
      log: options.log ?? silentLogger,
    };
    this.http = httpServer(
      { '/healthz': (response) => respond(response, 200, 'ok\n'), '/readyz': (response) => this.ready(response) },
      limits.unauthenticatedMs,
    );
    this.metricsHttp = httpServer({ '/metrics': (response) => this.showMetrics(response) }, limits.unauthenticatedMs);
    new FrontDoor(this.http, {
      limits,
      metrics,
      addresses: this.addresses,
      proxies,
      allowOrigins: options.allowOrigins ?? [],
      isStopping: () => this.stopping,
      onClient: (socket, raw, joins) => this.welcome(socket, raw, joins),
    });
  }

  /** Shares rooms with other nodes. The client of Redis is loaded for those only who have one. */
  async share(url: string): Promise<void> {
    const { RedisBus } = await import('./redis-bus.ts');
    const { limits, metrics, now, rooms } = this;
    rooms.bus = new RedisBus({ url, listener: rooms, limits, metrics, log: this.hub.log, now });
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.options;
    this.port = await listen(this.http, host, port);
    this.url = `ws://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
    if (this.options.metricsPort === undefined) return;
    const metricsPort = await listen(this.metricsHttp, LOOPBACK, this.options.metricsPort);
    this.metricsUrl = `http://${LOOPBACK}:${metricsPort}/metrics`;
  }

  close({ drainMs = this.limits.drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    this.closing ??= this.stop(drainMs);
    return this.closing;
  }

  private async stop(drainMs: number): Promise<void> {
    this.stopping = true;
    const random = this.options.random ?? Math.random;
    for (const each of this.connections) {
      each.send({ type: 'go-away', afterMs: Math.round(random() * this.limits.goAwaySpreadMs) });
    }
    await this.empty(drainMs);
    for (const each of this.connections) each.close(1012, 'going-away');
    this.rooms.close();
    this.addresses.close();
    await this.rooms.bus.close();
    await closeServer(this.http, CLOSE_TIMEOUT_MS);
    if (this.metricsUrl !== undefined) await closeServer(this.metricsHttp, CLOSE_TIMEOUT_MS);
    this.metrics.close();
  }

  private welcome(socket: WebSocket, raw: Duplex, joins: RateLimit): void {
    const { limits, metrics, now } = this;
    const messages = new RateLimit(limits.messagesPerSecond, limits.messagesPerSecond * BURST_SECONDS, now);
    const connection = new Connection(socket, raw, { limits, metrics }, (self) => {
      return new Client(self, this.hub, { joins, messages }, () => this.forget(self));
    });
    this.connections.add(connection);
  }

  private forget(connection: Connection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.emptied?.();
  }

  /** Resolves when everybody has gone, or after `ms`. */
  private async empty(ms: number): Promise<void> {
    if (this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private ready(response: ServerResponse): void {
    const status = { status: this.stopping ? 'stopping' : 'ready', redis: this.rooms.bus.state };
    respond(response, this.stopping ? 503 : 200, `${JSON.stringify(status)}\n`, 'application/json');
  }

  private async showMetrics(response: ServerResponse): Promise<void> {
    respond(response, 200, await this.metrics.text(), this.metrics.contentType);
  }
}

/** Throws `bad-request`. The URL is not shown, for it may have a password in it. */
function checkUrl(what: string, url: string, protocol: RegExp, example: string): void {
  if (URL.canParse(url) && protocol.test(new URL(url).protocol)) return;
  throw new PeerweaveError('bad-request', `That is no URL of ${what}. Write it as ${example}.`);
}
