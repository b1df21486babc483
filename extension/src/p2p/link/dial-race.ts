import { setTimeout as delay } from 'node:timers/promises';
import { deferred, type Deferred } from '../../shared/deferred-promise.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { Pipe, TransportAddress } from '../transport/transport.ts';

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
  const race: Race<T> = {
    options,
    outcome: deferred(),
    runners: options.addresses.map((address) => ({
      address,
      abort: new AbortController(),
      dialing: undefined,
      failure: undefined,
    })),
    over: false,
  };
  const onAbort = (): void => race.outcome.reject(new PeerweaveError('cancelled', 'Connecting was cancelled.'));
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (race.runners.length === 0) race.outcome.reject(new AggregateError([]));
  for (const runner of race.runners) void run(race, runner);
  let kept: readonly Runner[] = [];
  try {
    const winner = await race.outcome.promise;
    kept = race.runners.filter(({ dialing }) => dialing !== undefined);
    return {
      winner,
      begun: kept.flatMap(({ address, dialing, abort }) => (dialing ? { address, dialing, abort } : [])),
    };
  } finally {
    race.over = true;
    options.signal?.removeEventListener('abort', onAbort);
    for (const runner of race.runners) if (!kept.includes(runner)) runner.abort.abort();
  }
}

interface Race<T> {
  readonly options: DialRaceOptions<T>;
  readonly outcome: Deferred<T>;
  readonly runners: readonly Runner[];
  over: boolean;
}

async function run<T>(race: Race<T>, runner: Runner): Promise<void> {
  const { signal } = runner.abort;
  do {
    try {
      const result = await attempt(race, runner);
      if (race.over) race.options.discard(result);
      race.over = true;
      race.outcome.resolve(result);
      return;
    } catch (error) {
      runner.failure = asPeerweaveError(error);
    }
    if (race.runners.every(({ failure }) => failure !== undefined)) {
      race.outcome.reject(new AggregateError(race.runners.map(({ failure }) => failure)));
    }
    // Whoever answered with another key or another version will do so again.
    if (runner.failure.reason !== 'unreachable') return;
    await delay(race.options.redialMs, undefined, { signal }).catch(() => undefined);
  } while (!race.over);
}

async function attempt<T>({ options }: Race<T>, runner: Runner): Promise<T> {
  const { signal } = runner.abort;
  const dialing = options.dial(runner.address, signal);
  runner.dialing = dialing;
  try {
    const pipe = await dialing;
    runner.dialing = undefined;
    return await options.use(pipe, signal);
  } finally {
    runner.dialing = undefined;
  }
}
