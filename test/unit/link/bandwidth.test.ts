import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bandwidth, MIN_LIMIT_BYTES, type BandwidthShare } from '../../../extension/src/p2p/link/bandwidth.ts';

const MB = 1_000_000;
const PIECE = 64 * 1024;

describe('bandwidth', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => vi.useRealTimers());

  /** A stream that always has more to send; `sent` counts. */
  function sender(share: BandwidthShare): { sent: number; stop: boolean } {
    const state = { sent: 0, stop: false };
    void (async () => {
      while (!state.stop) {
        const bytes = (await share.room(PIECE)) ?? PIECE;
        state.sent += bytes;
        share.sent(bytes);
      }
    })();
    return state;
  }

  it.each([[50_000], [300_000], [MB], [20 * MB], [150 * MB]])(
    'keeps to %i bytes a second, in every second',
    async (limit) => {
      const share = new Bandwidth({ up: limit, down: 0 }).share();
      const stream = sender(share);
      let before = 0;
      for (let second = 0; second < 5; second++) {
        await vi.advanceTimersByTimeAsync(1_000);
        expect(Math.abs(stream.sent - before - limit) / limit).toBeLessThan(0.07);
        before = stream.sent;
      }
      expect(Math.abs(before - 5 * limit) / (5 * limit)).toBeLessThan(0.03);
      stream.stop = true;
      share.close();
    },
  );

  it('is divided evenly among links, however many streams each has', async () => {
    const bandwidth = new Bandwidth({ up: MB, down: 0 });
    const [one, many] = [bandwidth.share(), bandwidth.share()];
    const few = [sender(one)];
    const lot = Array.from({ length: 4 }, () => sender(many));
    await vi.advanceTimersByTimeAsync(10_000);
    const sum = (streams: { sent: number }[]): number => streams.reduce((total, { sent }) => total + sent, 0);
    expect(sum(few) / sum(lot)).toBeGreaterThan(0.95);
    expect(sum(few) / sum(lot)).toBeLessThan(1.05);
    expect((sum(few) + sum(lot)) / (10 * MB)).toBeCloseTo(1, 1);
    for (const stream of [...few, ...lot]) stream.stop = true;
    for (const share of [one, many]) share.close();
  });

  it('changes at once, also for those that wait, and costs no timer without a limit', async () => {
    const bandwidth = new Bandwidth({ up: MIN_LIMIT_BYTES, down: 0 });
    const share = bandwidth.share();
    const stream = sender(share);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stream.sent).toBeLessThan(2 * MIN_LIMIT_BYTES);
    const slow = stream.sent;
    bandwidth.setLimits({ up: 10 * MB, down: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stream.sent - slow).toBeGreaterThan(9 * MB);
    stream.stop = true;
    const waiting = share.room(PIECE);
    bandwidth.setLimits({ up: 0, down: 0 });
    expect(await waiting).toBeGreaterThan(0);
    expect(share.room(PIECE)).toBeUndefined();
    expect(share.received(10 * MB)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts what is not data against data, and holds it up never', async () => {
    const share = new Bandwidth({ up: MB, down: 0 }).share();
    const stream = sender(share);
    for (let step = 0; step < 100; step++) {
      share.sent(2_500);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(stream.sent / MB).toBeGreaterThan(1.65);
    expect(stream.sent / MB).toBeLessThan(1.85);
    stream.stop = true;
    share.close();
  });

  it('holds up reading past the limit, and never for what is small', async () => {
    const share = new Bandwidth({ up: 0, down: MB }).share();
    let read = 0;
    const stop = { now: false };
    void (async () => {
      while (!stop.now) {
        read += PIECE;
        await share.received(PIECE);
      }
    })();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(read / (10 * MB)).toBeGreaterThan(0.95);
    expect(read / (10 * MB)).toBeLessThan(1.05);
    expect(share.received(12)).toBeUndefined();
    stop.now = true;
    share.close();
  });

  it('lets go of a link that closes', async () => {
    const bandwidth = new Bandwidth({ up: MIN_LIMIT_BYTES, down: MIN_LIMIT_BYTES });
    const share = bandwidth.share();
    share.sent(10 * MB);
    const waiting = [share.room(PIECE), share.room(PIECE), share.received(10 * MB)];
    share.close();
    for (const each of waiting) await each;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('raises a limit under which links would be taken for dead', async () => {
    const share = new Bandwidth({ up: 1, down: 0 }).share();
    const stream = sender(share);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stream.sent).toBeGreaterThan(9 * MIN_LIMIT_BYTES);
    stream.stop = true;
    share.close();
  });
});
