import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../extension/src/shared/rate-limit.ts';

describe('a rate', () => {
  const clock = { ms: 0 };
  const limit = (): RateLimit => new RateLimit(10, 20, () => clock.ms);

  it('can be overdrawn, and says for how long', () => {
    const rate = limit();
    expect(rate.spend(20)).toBe(0);
    expect(rate.spend(5)).toBe(500);
    expect(rate.spend(5)).toBe(1_000);
    clock.ms += 999;
    expect(rate.take()).toBe(false);
    clock.ms += 101;
    expect(rate.take()).toBe(true);
  });

  it('is full again after its burst has come back, and never fuller', () => {
    const rate = limit();
    expect(rate.isFull).toBe(true);
    rate.spend(20);
    clock.ms += 1_999;
    expect(rate.isFull).toBe(false);
    clock.ms += 60_000;
    expect(rate.isFull).toBe(true);
    expect(rate.take(20)).toBe(true);
    expect(rate.take()).toBe(false);
  });
});
