import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NetworkWatch } from '../../../extension/src/p2p/link/network-watch.ts';

describe('network watch [LI9]', () => {
  let now: number;
  let addresses: string[];
  let changes: number;
  let watch: NetworkWatch;

  const pass = (ms: number): void => {
    now += ms;
    vi.advanceTimersByTime(3_000);
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    [now, changes, addresses] = [0, 0, ['192.0.2.7', '2001:db8::7']];
    watch = new NetworkWatch({ now: () => now, addresses: () => addresses, intervalMs: 3_000 });
    watch.onChange(() => changes++);
  });
  afterEach(() => {
    watch.dispose();
    vi.useRealTimers();
  });

  it('is quiet while nothing happens, in whatever order the addresses come', () => {
    for (let tick = 0; tick < 100; tick++) {
      addresses = [...addresses].reverse();
      pass(3_000 + (tick % 9) * 1_000);
    }
    expect(changes).toBe(0);
  });

  it('tells once of an address that came, went or changed', () => {
    for (const next of [['192.0.2.7'], ['198.51.100.9'], ['198.51.100.9', '192.0.2.7'], []]) {
      const before = changes;
      addresses = next;
      pass(3_000);
      expect(changes).toBe(before + 1);
      pass(3_000);
      expect(changes).toBe(before + 1);
    }
  });

  it('tells of a sleep, and not of a clock that is set back', () => {
    pass(8 * 3_600_000);
    expect(changes).toBe(1);
    pass(-3_600_000);
    pass(3_000);
    expect(changes).toBe(1);
  });

  it('survives a system that does not tell, and stops when disposed', () => {
    const forbidden = new NetworkWatch({
      addresses: () => {
        throw new Error('EPERM');
      },
    });
    forbidden.onChange(() => changes++);
    vi.advanceTimersByTime(10_000);
    forbidden.dispose();
    watch.dispose();
    addresses = [];
    pass(8 * 3_600_000);
    expect(changes).toBe(0);
  });

  it('reads the addresses of a real machine', () => {
    const real = new NetworkWatch();
    real.onChange(() => changes++);
    vi.advanceTimersByTime(6_000);
    real.dispose();
    expect(changes).toBe(0);
  });
});
