import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../extension/src/p2p/link/link-timings.ts';
import type { Mover, Opening } from '../../../extension/src/p2p/link/mover.ts';
import { Reconnector } from '../../../extension/src/p2p/link/reconnector.ts';
import { UnknownLinkError, type ResumeOffer } from '../../../extension/src/p2p/link/resume-handshake.ts';
import type { Route, TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { deferred, type Deferred } from '../../../extension/src/shared/deferred-promise.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

const [TCP, RELAY]: TransportAddress[] = [
  { tier: 'tcp', value: '192.0.2.7:1' },
  { tier: 'relay', value: 'tag' },
];

/** An attempt that the test decides about. */
interface Attempt extends Deferred<ResumeOffer> {
  readonly address: TransportAddress;
  stopped: boolean;
}

let attempts: Attempt[];
let taken: Route[];
let reconnector: Reconnector;
let resting: Set<Route>;
let abort: AbortController;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [attempts, taken, resting, abort] = [[], [], new Set(), new AbortController()];
  const mover = {
    open: (address: TransportAddress): Opening => {
      const attempt: Attempt = { address, stopped: false, ...deferred<ResumeOffer>() };
      attempts.push(attempt);
      const stop = (): void => {
        attempt.stopped = true;
        attempt.reject(new Error('stopped'));
      };
      return { address, offer: attempt.promise, stop };
    },
    take: async ({ pipe }: ResumeOffer, isWanted: () => boolean): Promise<void> => {
      if (!isWanted()) throw new Error('not wanted');
      taken.push(pipe.route);
      reconnector.finish();
    },
  };
  reconnector = new Reconnector({
    mover: mover as unknown as Mover,
    isResting: (route) => resting.has(route),
    timings: DEFAULT_TIMINGS,
    log: silentLogger,
    random: () => 1,
  });
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

const run = (...addresses: TransportAddress[]): Promise<readonly Opening[]> => {
  const running = reconnector.run(addresses, abort.signal);
  running.catch(() => undefined);
  return running;
};
const answers = (attempt: Attempt): void =>
  attempt.resolve({ pipe: { route: attempt.address.tier } } as unknown as ResumeOffer);
const dialed = (): string => attempts.map(({ address }) => address.tier).join(' ');
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a way back [LI4]', () => {
  it('the first that answers takes the link; what is under way elsewhere is handed over', async () => {
    const running = run(TCP!, RELAY!);
    answers(attempts[1]!);
    const rest = await running;
    expect(taken).toEqual(['relay']);
    expect(rest.map(({ address }) => address.tier)).toContain('tcp');
    expect(attempts[0]!.stopped).toBe(false);
  });

  it('each address goes on at its own pace, whatever another does', async () => {
    void run(TCP!, RELAY!);
    for (let round = 0; round < 3; round++) {
      attempts.at(-1)!.reject(new Error('no'));
      await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.lastRetry);
    }
    expect(dialed()).toBe('tcp relay relay relay relay');
  });

  it('new addresses are tried at once, old ones no more, and those that pause do so no longer', async () => {
    void run(TCP!);
    attempts[0]!.reject(new Error('no'));
    await settle();
    reconnector.look([TCP!, RELAY!]);
    await settle();
    expect(dialed()).toBe('tcp relay tcp');
    reconnector.look([RELAY!]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialed()).toBe('tcp relay tcp');
    expect(attempts[2]!.stopped).toBe(true);
  });

  it('begins anew when the network has changed', async () => {
    void run(TCP!, RELAY!);
    reconnector.again();
    await settle();
    expect(attempts.map(({ stopped }) => stopped)).toEqual([true, true, false, false]);
    expect(dialed()).toBe('tcp relay tcp relay');
  });

  it('a resting route waits until the others have failed, or have had their start', async () => {
    resting.add('tcp');
    void run(TCP!, RELAY!);
    answers(attempts[0]!);
    await settle();
    expect(taken).toEqual([]);
    attempts[1]!.reject(new Error('no'));
    await settle();
    expect(taken).toEqual(['tcp']);
  });

  it('a resting route need not wait when there is no other, or for longer than their start', async () => {
    resting.add('tcp');
    void run(TCP!, RELAY!);
    answers(attempts[0]!);
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.headStart - 1);
    expect(taken).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(taken).toEqual(['tcp']);
  });

  it('whoever waits for the start of others waits no longer than the search', async () => {
    resting.add('tcp');
    const running = run(TCP!, RELAY!);
    const waiting = reconnector.headStart('tcp');
    reconnector.finish();
    await running;
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends when the peer does not know the link, whatever is under way', async () => {
    const running = run(TCP!, RELAY!);
    attempts[0]!.reject(new UnknownLinkError());
    await expect(running).rejects.toBeInstanceOf(UnknownLinkError);
    expect(attempts[1]!.stopped).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialed()).toBe('tcp relay');
  });

  it('stops when told to', async () => {
    const running = run(TCP!, RELAY!);
    abort.abort();
    await expect(running).rejects.toMatchObject({ reason: 'cancelled' });
    expect(attempts.every(({ stopped }) => stopped)).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialed()).toBe('tcp relay');
  });
});
