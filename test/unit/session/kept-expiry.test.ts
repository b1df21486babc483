import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { KeptExpiry } from '../../../extension/src/p2p/session/kept-expiry.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';

const DAY = 24 * 60 * 60 * 1_000;
let asked: number[];
let fails: boolean;
const repository = {
  expireKept: (before: number) => {
    asked.push(before);
    return fails ? Promise.reject(new Error('locked')) : Promise.resolve([]);
  },
} as unknown as Repository;

beforeEach(() => {
  vi.useFakeTimers({ now: 100 * DAY });
  [asked, fails] = [[], false];
});
afterEach(() => void vi.useRealTimers());

it('[CO4] lets go of nothing unless a setting says so', () => {
  const expiry = new KeptExpiry(repository, 0, () => Date.now(), silentLogger);
  expiry.start();
  vi.advanceTimersByTime(10 * DAY);
  expect(asked).toEqual([]);
  expiry.dispose();
});

it('[CO4] does at the beginning, daily, and when the setting changes, also after a failure', () => {
  const expiry = new KeptExpiry(repository, 30, () => Date.now(), silentLogger);
  fails = true;
  expiry.start();
  vi.advanceTimersByTime(DAY);
  fails = false;
  expiry.setDays(30);
  expiry.setDays(10);
  expiry.dispose();
  vi.advanceTimersByTime(5 * DAY);
  const days = asked.map((seconds) => (seconds * 1_000) / DAY);
  expect(days).toEqual([70, 71, 91]);
});
