import { describe, expect, it } from 'vitest';
import { CrashPolicy } from '../../extension/src/crash-policy.ts';

const MINUTE = 60_000;

describe('[ED6] crashes of the engine', () => {
  it('waits longer each time, and gives up at the fifth within three minutes', () => {
    const policy = new CrashPolicy();
    expect([0, 1, 2, 3, 4].map((second) => policy.crashed(second * 1000))).toEqual([500, 1000, 2000, 4000, 'give-up']);
  });

  it('forgets crashes that are three minutes old', () => {
    const policy = new CrashPolicy();
    for (const minute of [0, 1, 2, 3, 4, 5, 6]) expect(policy.crashed(minute * MINUTE)).not.toBe('give-up');
  });

  it('begins anew when the user asks for a start', () => {
    const policy = new CrashPolicy();
    for (let crash = 0; crash < 4; crash++) policy.crashed(0);
    policy.forgive();
    expect(policy.crashed(0)).toBe(500);
  });
});
