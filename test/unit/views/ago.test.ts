import { describe, expect, it } from 'vitest';
import { ago } from '../../../extension/src/views/ago.ts';

const now = Date.UTC(2026, 4, 20, 12);
const times = { now, full: String };

describe('how long ago', () => {
  it.each([
    [0, 'just now'],
    [-60_000_000, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 min ago'],
    [59 * 60_000, '59 min ago'],
    [3_600_000, '1 h ago'],
    [86_400_000, '1 d ago'],
    [40 * 86_400_000, '2026-04-10'],
  ])('%d ms: %s', (past, words) => {
    expect(ago(now - past, times)).toBe(words);
  });
});
