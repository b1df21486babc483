import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { ServerReason } from '../extension/src/p2p/signaling/wire/messages.ts';

export type RelayTier = 'relay' | 'json';

/** Why something was refused, thrown away or cut off: what clients are told, and what nobody can be told. */
export type DropReason =
  ServerReason | 'protocol' | 'connection-lost' | 'ping' | 'origin' | 'bus-overflow' | 'bus-malformed' | 'internal';

/** What is looked up whenever somebody reads the metrics. */
export interface Gauges {
  readonly connections: () => number;
  readonly rooms: () => number;
  /** Of all clients together. */
  readonly queuedBytes: () => number;
  readonly redis: () => 'none' | 'connected' | 'lost';
}

const NANOSECONDS = 1e-9;
const LAG_RESOLUTION_MS = 20;

/**
 * What an operator sees, in Prometheus' text format. Labels have values from closed sets only: no room, peer or address is ever one
 * (SE2), and so their number cannot grow with use.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  private readonly drops: Counter<'reason'>;
  private readonly bytes: Counter<'tier'>;
  private readonly sessions: Gauge<'tier'>;
  private readonly sessionsTotal: Counter<'tier'>;

  constructor(gauges: Gauges) {
    const registers = [this.registry];
    this.drops = new Counter({
      name: 'peerweave_drops_total',
      help: 'Messages refused and connections cut off, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.bytes = new Counter({
      name: 'peerweave_relayed_bytes_total',
      help: 'Bytes passed on between peers, by tier.',
      labelNames: ['tier'],
      registers,
    });
    this.sessions = new Gauge({
      name: 'peerweave_relay_sessions',
      help: 'Meetings by which bytes have gone and that are not over, by tier.',
      labelNames: ['tier'],
      registers,
    });
    this.sessionsTotal = new Counter({
      name: 'peerweave_relay_sessions_total',
      help: 'Meetings by which bytes have gone, by tier.',
      labelNames: ['tier'],
      registers,
    });
    for (const tier of ['relay', 'json'] as const) {
      this.bytes.inc({ tier }, 0);
      this.sessions.set({ tier }, 0);
      this.sessionsTotal.inc({ tier }, 0);
    }
    this.gauge('peerweave_connections', 'Clients that are connected.', gauges.connections);
    this.gauge('peerweave_rooms', 'Rooms that somebody is in.', gauges.rooms);
    this.gauge('peerweave_queued_bytes', 'Bytes that wait for clients to read them.', gauges.queuedBytes);
    this.gauge('peerweave_redis_connected', '1 with Redis, 0 when it is lost; absent without.', () => {
      const state = gauges.redis();
      return state === 'none' ? undefined : Number(state === 'connected');
    });
    this.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
    this.gauge('process_cpu_seconds_total', 'CPU time, user and system.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    this.watchLag();
  }

  dropped(reason: DropReason): void {
    this.drops.inc({ reason });
  }

  relayed(tier: RelayTier, bytes: number): void {
    this.bytes.inc({ tier }, bytes);
  }

  sessionBegan(tier: RelayTier): void {
    this.sessions.inc({ tier });
    this.sessionsTotal.inc({ tier });
  }

  sessionEnded(tier: RelayTier): void {
    this.sessions.dec({ tier });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  close(): void {
    this.lag.disable();
  }

  private gauge(name: string, help: string, read: () => number | undefined): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: () => {
        const value = read();
        if (value === undefined) gauge.reset();
        else gauge.set(value);
      },
    });
  }

  /** Over the time since the metrics were last read. */
  private watchLag(): void {
    this.lag.enable();
    const gauge = new Gauge<'quantile'>({
      name: 'peerweave_event_loop_lag_seconds',
      help: 'How long the event loop was late since the metrics were last read.',
      labelNames: ['quantile'],
      registers: [this.registry],
      collect: () => {
        for (const quantile of ['0.5', '0.99', '1'] as const) {
          const measured = this.lag.percentile(Number(quantile) * 100) * NANOSECONDS;
          gauge.set({ quantile }, Math.max(0, measured - LAG_RESOLUTION_MS / 1_000));
        }
        this.lag.reset();
      },
    });
  }
}
