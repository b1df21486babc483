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
import { staggered } from './staggered.ts';
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
  /** Settles when we join, or when the attempt that is under way or comes next has failed. */
  private outcome: Deferred<void> = deferred();
  private round: AbortController | undefined;
  private wake: () => void = () => undefined;

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

  /** Connects, and goes on until disposed. Call it once. */
  async run(): Promise<void> {
    const { servers } = this.parts;
    while (!this.isStopped) {
      const rank = this.active?.server.rank;
      const due = servers.due(rank);
      if (due.length > 0) await this.tryServers(due);
      else await this.sleep(servers.untilDue(rank));
    }
  }

  /**
   * Resolves to the connection as soon as there is one. Rejects with the failure of the attempt that is under way or about to be, at once when
   * none is for a while, or with `cancelled`.
   */
  async joined(signal?: AbortSignal): Promise<RoomConnection> {
    if (this.isStopped || signal?.aborted) throw cancelled();
    const { servers, timings } = this.parts;
    const isWorthWaiting = this.round !== undefined || servers.untilDue() <= timings.soonMs;
    if (this.failure !== undefined && !isWorthWaiting) throw this.failure;
    if (this.active === undefined) await abortable(this.outcome.promise, signal, cancelled);
    // Lost again in between.
    return this.active?.connection ?? this.joined(signal);
  }

  /** Finds out whether the connection lives, and tries at once what failed before. */
  networkChanged(): void {
    this.active?.connection.probe();
    this.parts.servers.forgive();
    this.wake();
  }

  dispose(): void {
    if (this.isStopped) return;
    this.stopped.abort();
    this.active?.connection.dispose();
    this.active = undefined;
    this.outcome.reject(cancelled());
    this.changes.dispose();
    this.wake();
  }

  private async tryServers(due: readonly Server[]): Promise<void> {
    const { timings, clock } = this.parts;
    const round = new AbortController();
    this.round = round;
    const signal = AbortSignal.any([round.signal, this.stopped.signal]);
    const attempts = due.map((server) => (abort: AbortSignal) => this.tryServer(server, abort));
    try {
      await staggered(attempts, { headStartMs: timings.headStartMs, clock, signal });
    } catch (error) {
      if (this.active === undefined && !signal.aborted) this.failed(mostTelling(error));
    } finally {
      this.round = undefined;
    }
  }

  private async tryServer(server: Server, signal: AbortSignal): Promise<void> {
    try {
      await this.parts.join(server, signal, (connection) => this.adopt(server, connection));
    } catch (error) {
      const typed = asPeerweaveError(error, 'signaling-unreachable');
      this.parts.log.debug(`signaling: ${typed.message}`);
      if (!signal.aborted) this.parts.servers.failed(server, typed);
      throw typed;
    }
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
    this.outcome.resolve();
    this.outcome = deferred();
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
    // An attempt for a better server is not all that there is to do now.
    this.round?.abort();
    this.wake();
  }

  private failed(error: PeerweaveError): void {
    this.lastFailure = error;
    this.parts.log.info(`signaling: ${error.message}`);
    this.outcome.reject(error);
    this.outcome = deferred();
    // The state is the same, but why is not.
    this.changes.fire(undefined);
  }

  /** For so long, or until something changes. */
  private async sleep(ms: number): Promise<void> {
    const woken = deferred();
    this.wake = woken.resolve;
    const timer = Number.isFinite(ms) ? this.parts.clock.after(ms, woken.resolve) : undefined;
    await woken.promise;
    timer?.dispose();
  }
}

/** Of the failures of all servers, the one that a person can do most about. */
function mostTelling(error: unknown): PeerweaveError {
  const errors = (error instanceof AggregateError ? (error.errors as unknown[]) : [error])
    .filter((each) => each !== undefined)
    .map((each) => asPeerweaveError(each, 'signaling-unreachable'));
  const [first, ...others] = errors.sort((a, b) => weight(a) - weight(b));
  if (first === undefined) return new PeerweaveError('signaling-unreachable', 'No signaling server was tried.');
  if (others.length === 0) return first;
  const message = `${first.message} The other signaling servers do not serve either.`;
  return new PeerweaveError(first.reason, message, { cause: first });
}

const weight = ({ reason }: PeerweaveError): number => (reason === 'signaling-unreachable' ? 1 : 0);

const cancelled = (): PeerweaveError =>
  new PeerweaveError('cancelled', 'Waiting for the signaling server was cancelled.');
