import { deferred } from '../../shared/deferred-promise.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { Pipe, TransportAddress } from '../transport/transport.ts';
import { pause } from './pause.ts';

export interface DialRaceOptions<T> {
  readonly addresses: readonly TransportAddress[];
  readonly signal?: AbortSignal | undefined;
  readonly dial: (address: TransportAddress, signal: AbortSignal) => Promise<Pipe>;
  /** Makes of a transport what is wanted; takes it over. */
  readonly use: (pipe: Pipe, signal: AbortSignal) => Promise<T>;
  /** What came too late. */
  readonly discard: (late: T) => void;
  /** Pause after which an address that was unreachable is dialed again. */
  readonly redialMs: number;
}

/** A transport that was being dialed when another one won. */
export interface Begun {
  readonly address: TransportAddress;
  readonly dialing: Promise<Pipe>;
  readonly abort: AbortController;
}

export interface DialRaceResult<T> {
  readonly winner: T;
  readonly begun: readonly Begun[];
}

/** One address in the race. */
interface Runner {
  readonly address: TransportAddress;
  readonly abort: AbortController;
  /** Set while its transport is being dialed. */
  dialing: Promise<Pipe> | undefined;
  /** Why it failed last; undefined while it has not failed. */
  failure: PeerweaveError | undefined;
}

/**
 * Runs all addresses at once (LI2). Resolves to the first success and what is still being dialed then; attempts that have got further are
 * aborted. Rejects with an `AggregateError` when each has failed. Until then those that failed fast are tried again: a peer that comes up
 * meanwhile is not kept waiting by an address that says nothing.
 */
export async function dialRace<T>(options: DialRaceOptions<T>): Promise<DialRaceResult<T>> {
  const race = new Race(options);
  const onAbort = (): void => race.fail(new PeerweaveError('cancelled', 'Connecting was cancelled.'));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  try {
    return await race.run();
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
}

class Race<T> {
  private readonly options: DialRaceOptions<T>;
  private readonly runners: readonly Runner[];
  private readonly outcome = deferred<DialRaceResult<T>>();
  private over = false;

  constructor(options: DialRaceOptions<T>) {
    this.options = options;
    this.runners = options.addresses.map((address) => ({
      address,
      abort: new AbortController(),
      dialing: undefined,
      failure: undefined,
    }));
  }

  run(): Promise<DialRaceResult<T>> {
    if (this.runners.length === 0) this.fail(new AggregateError([]));
    for (const runner of this.runners) void this.keepTrying(runner);
    return this.outcome.promise;
  }

  fail(error: Error): void {
    this.over = true;
    this.outcome.reject(error);
    for (const { abort } of this.runners) abort.abort();
  }

  private win(winner: T, by: Runner): void {
    this.over = true;
    const begun = this.runners.flatMap(({ address, dialing, abort }) => (dialing ? [{ address, dialing, abort }] : []));
    this.outcome.resolve({ winner, begun });
    for (const runner of this.runners) if (runner !== by && !runner.dialing) runner.abort.abort();
  }

  private async keepTrying(runner: Runner): Promise<void> {
    while (!this.over) {
      try {
        const result = await this.attempt(runner);
        if (this.isOver()) this.options.discard(result);
        else this.win(result, runner);
        return;
      } catch (error) {
        if (this.isOver()) return;
        runner.failure = asPeerweaveError(error);
      }
      const failures = this.runners.flatMap(({ failure }) => failure ?? []);
      if (failures.length === this.runners.length) return this.fail(new AggregateError(failures));
      // Whoever answered with another key or another version will do so again.
      if (runner.failure.reason !== 'unreachable') return;
      await pause(this.options.redialMs, runner.abort.signal);
    }
  }

  private async attempt(runner: Runner): Promise<T> {
    const { signal } = runner.abort;
    runner.dialing = this.options.dial(runner.address, signal);
    let pipe: Pipe;
    try {
      pipe = await runner.dialing;
    } finally {
      // Once it is over, this belongs to whoever was told of it.
      if (!this.over) runner.dialing = undefined;
    }
    if (this.isOver()) throw new PeerweaveError('cancelled', 'Another address was faster.');
    return this.options.use(pipe, signal);
  }

  /** It may have ended while we waited, which the compiler does not know. */
  private isOver(): boolean {
    return this.over;
  }
}
