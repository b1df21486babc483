import { deferred, type Deferred } from '../../shared/deferred-promise.ts';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import { Emitter, type Event } from '../../shared/events.ts';
import type { Logger } from '../../shared/log.ts';
import { abortable } from './abortable.ts';
import type { Clock } from './clock.ts';
import type { RoomConnection } from './room-connection.ts';
import type { Server, ServerList } from './server-list.ts';
import { refusalError } from './server-refusal.ts';
import type { SignalingTimings } from './timings.ts';

export interface ConnectionKeeperParts {
  readonly servers: ServerList;
  /** See `RoomConnection.join`. */
  readonly join: (
    server: Server,
    signal: AbortSignal,
    onJoined: (connection: RoomConnection) => void,
  ) => Promise<RoomConnection>;
  readonly clock: Clock;
  readonly timings: Pick<SignalingTimings, 'headStartMs' | 'stableMs' | 'soonMs'>;
  readonly log: Logger;
}

interface Active {
  readonly server: Server;
  readonly connection: RoomConnection;
  readonly since: number;
}

/**
 * Keeps a connection to the best of several servers: connects again when it is lost, takes a spare when the preferred one is away, and goes
 * back when that is there again, for all members of a room do.
 */
export class ConnectionKeeper implements Disposable {
  private readonly parts: ConnectionKeeperParts;
  private readonly stopped = new AbortController();
  private readonly changes: Emitter<RoomConnection | undefined>;
  /** Fires in the very turn in which a connection joined, was replaced or was lost. */
  readonly onConnection: Event<RoomConnection | undefined>;
  private active: Active | undefined;
  private lastServer: Server;
  private lastFailure: PeerweaveError | undefined;
  /** Settles when we join, or when nothing is left to try for now. */
  private outcome: Deferred<void> = deferred();
  /** Attempts under way, by the server's rank. */
  private readonly trying = new Map<number, AbortController>();
  /** Of the newest attempt, if it is under way. */
  private startedAt = -Infinity;
  /** Why each server that was tried since we were last joined did not let us in, by rank. */
  private readonly errors = new Map<number, PeerweaveError>();
  private timer: Disposable | undefined;

  constructor(parts: ConnectionKeeperParts) {
    this.parts = parts;
    this.lastServer = parts.servers.first;
    this.changes = new Emitter((error) => parts.log.error(`signaling: ${String(error)}`));
    this.onConnection = this.changes.event;
  }

  /** The one in use, or the last that was. */
  get server(): Server {
    return this.lastServer;
  }

  get connection(): RoomConnection | undefined {
    return this.active?.connection;
  }

  /** Why there is no connection; undefined while there is, and before the first attempt is over. */
  get failure(): PeerweaveError | undefined {
    return this.active === undefined ? this.lastFailure : undefined;
  }

  get isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  /** Begins to connect. */
  start(): void {
    this.proceed();
  }

  /**
   * Resolves to the connection as soon as there is one. Rejects with the failure of the attempt that is under way or about to be, at once when
   * none is for a while, or with `cancelled`.
   */
  async joined(signal?: AbortSignal): Promise<RoomConnection> {
    if (this.isStopped || signal?.aborted) throw cancelled();
    const isWorthWaiting = this.trying.size > 0 || this.untilDue() <= this.parts.timings.soonMs;
    if (this.failure !== undefined && !isWorthWaiting) throw this.failure;
    if (this.active === undefined) await abortable(this.outcome.promise, signal, cancelled);
    // Lost again in between.
    return this.active?.connection ?? this.joined(signal);
  }

  /** Finds out whether the connection lives, and tries at once what failed before. */
  networkChanged(): void {
    this.active?.connection.probe();
    this.parts.servers.forgive();
    this.proceed();
  }

  dispose(): void {
    if (this.isStopped) return;
    this.stopped.abort();
    this.timer?.dispose();
    for (const attempt of this.trying.values()) attempt.abort();
    this.active?.connection.dispose();
    this.active = undefined;
    this.outcome.reject(cancelled());
    this.changes.dispose();
  }

  /** Starts what is due, and sees to being called again when something else is. */
  private proceed(): void {
    if (this.isStopped) return;
    this.timer?.dispose();
    const { servers, clock, timings } = this.parts;
    const [next] = servers.due(this.rank, this.trying);
    const headStart = this.trying.size === 0 ? 0 : this.startedAt + timings.headStartMs - clock.now();
    if (next !== undefined && headStart <= 0) {
      void this.attempt(next);
      return this.proceed();
    }
    const ms = next === undefined ? this.untilDue() : headStart;
    this.timer = Number.isFinite(ms) ? clock.after(ms, () => this.proceed()) : undefined;
  }

  private async attempt(server: Server): Promise<void> {
    const { servers, clock, log, join } = this.parts;
    const abort = new AbortController();
    this.trying.set(server.rank, abort);
    this.startedAt = clock.now();
    let error: PeerweaveError | undefined;
    try {
      await join(server, abort.signal, (connection) => this.adopt(server, connection));
    } catch (thrown) {
      error = asPeerweaveError(thrown, 'signaling-unreachable');
    }
    this.trying.delete(server.rank);
    // Whoever is next need not wait any longer.
    this.startedAt = -Infinity;
    if (error !== undefined && !abort.signal.aborted) {
      log.debug(`signaling: ${error.message}`);
      servers.failed(server, error);
      this.errors.set(server.rank, error);
      if (this.active === undefined && this.trying.size === 0 && this.untilDue() > 0) this.failed();
    }
    this.proceed();
  }

  /** Of the server in use; only better ones are worth an attempt. */
  private get rank(): number {
    return this.active?.server.rank ?? Infinity;
  }

  private untilDue(): number {
    return this.parts.servers.untilDue(this.rank, this.trying);
  }

  private adopt(server: Server, connection: RoomConnection): void {
    const before = this.active;
    if (this.isStopped || (before !== undefined && before.server.rank <= server.rank)) return connection.dispose();
    const active = { server, connection, since: this.parts.clock.now() };
    this.active = active;
    this.lastServer = server;
    const subscriptions = new DisposableStore();
    subscriptions.add(
      connection.onEnd((error) => {
        subscriptions.dispose();
        this.lost(active, error);
      }),
    );
    subscriptions.add(
      connection.onGoAway((afterMs) => {
        subscriptions.dispose();
        this.parts.servers.goAway(server, afterMs);
        connection.dispose();
        this.disconnected(active, refusalError(connection.server, 'going-away'));
      }),
    );
    this.parts.log.info(`signaling: joined by ${connection.server}`);
    this.changes.fire(connection);
    before?.connection.dispose();
    this.errors.clear();
    for (const [rank, attempt] of this.trying) if (rank > server.rank) attempt.abort();
    this.outcome.resolve();
    this.outcome = deferred();
    this.proceed();
  }

  private lost(active: Active, error: PeerweaveError): void {
    const { servers, clock, timings } = this.parts;
    if (clock.now() - active.since >= timings.stableMs) servers.proved(active.server);
    servers.failed(active.server, error);
    this.disconnected(active, error);
  }

  private disconnected(active: Active, error: PeerweaveError): void {
    if (this.active !== active) return;
    this.active = undefined;
    this.lastFailure = error;
    this.parts.log.info(`signaling: ${error.message}`);
    this.changes.fire(undefined);
    this.proceed();
  }

  private failed(): void {
    const error = mostTelling([...this.errors.values()]);
    this.lastFailure = error;
    this.parts.log.info(`signaling: ${error.message}`);
    this.outcome.reject(error);
    this.outcome = deferred();
    // The state is the same, but why is not.
    this.changes.fire(undefined);
  }
}

/** Of the failures of all servers, the one that a person can do most about. */
function mostTelling(errors: readonly PeerweaveError[]): PeerweaveError {
  const [first, ...others] = [...errors].sort((a, b) => weight(a) - weight(b));
  if (first === undefined) return new PeerweaveError('signaling-unreachable', 'No signaling server was tried.');
  if (others.length === 0) return first;
  const message = `${first.message} The other signaling servers do not serve either.`;
  return new PeerweaveError(first.reason, message, { cause: first });
}

const weight = ({ reason }: PeerweaveError): number => (reason === 'signaling-unreachable' ? 1 : 0);

const cancelled = (): PeerweaveError =>
  new PeerweaveError('cancelled', 'Waiting for the signaling server was cancelled.');
