import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bandwidth, type BandwidthShare } from '../../../extension/src/p2p/link/bandwidth.ts';

const MB = 1_000_000;
const PIECE = 64 * 1024;
const SLOW = 16 * 1024;

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
    const bandwidth = new Bandwidth({ up: SLOW, down: 0 });
    const share = bandwidth.share();
    const stream = sender(share);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stream.sent).toBeLessThan(2 * SLOW);
    const slow = stream.sent;
    bandwidth.setLimits({ up: 10 * MB, down: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stream.sent - slow).toBeGreaterThan(9 * MB);
    stream.stop = true;
    const waiting = share.room(PIECE);
    bandwidth.setLimits({ up: 0, down: 0 });
    expect(await waiting).toBeGreaterThan(0);
    expect(share.room(PIECE)).toBeUndefined();
    expect(share.credit(10 * MB)).toBeUndefined();
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

  it.each([[2_000], [100_000], [MB], [50 * MB]])('lets %i bytes a second come down, evenly', async (limit) => {
    const share = new Bandwidth({ up: 0, down: limit }).share();
    const state = { allowed: 0, stop: false };
    void (async () => {
      while (!state.stop) state.allowed += (await share.credit(512 * 1024))!;
    })();
    let before = 0;
    // A turn is never less than what is worth a packet.
    const slack = Math.max(0.07 * limit, 4 * 1024);
    for (let second = 0; second < 10; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(Math.abs(state.allowed - before - limit)).toBeLessThanOrEqual(slack);
      before = state.allowed;
    }
    expect(Math.abs(before - 10 * limit)).toBeLessThanOrEqual(slack);
    state.stop = true;
    share.close();
  });

  it('leaves a channel no more under way than fits the limit', () => {
    const bandwidth = new Bandwidth();
    const share = bandwidth.share();
    const windows = [0, 10_000, 200_000, 100 * MB].map((down) => {
      bandwidth.setLimits({ up: 0, down });
      return share.windowBytes(1024 * 1024);
    });
    expect(windows).toEqual([1024 * 1024, 16 * 1024, 100_000, 1024 * 1024]);
  });

  it('lets go of a link that closes', async () => {
    const bandwidth = new Bandwidth({ up: SLOW, down: SLOW });
    const share = bandwidth.share();
    share.sent(10 * MB);
    const waiting = [share.room(PIECE), share.room(PIECE), share.credit(10 * MB), share.credit(PIECE)];
    share.close();
    for (const each of waiting) await each;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
