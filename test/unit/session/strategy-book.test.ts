import { expect, it } from 'vitest';
import type { SessionRecord } from '../../../extension/src/p2p/session/session-store.ts';
import { StrategyBook } from '../../../extension/src/p2p/session/strategy-book.ts';
import type { BranchName } from '../../../extension/src/shared/ids.ts';

const MAIN = 'main' as BranchName;
const book = (record: Partial<SessionRecord> = {}) => new StrategyBook(record as SessionRecord, 'manual');

it('[CO3] a branch’s own comes before the session’s, and that before the setting', () => {
  const chosen = book();
  chosen.applySetting('prefer-local');
  expect(chosen.current).toEqual({ session: 'prefer-local', branches: new Map() });
  chosen.choose(undefined, 'auto-merge');
  chosen.choose(MAIN, 'manual');
  chosen.applySetting('prefer-remote');
  expect(chosen.current).toEqual({ session: 'auto-merge', branches: new Map([['main', 'manual']]) });
  chosen.choose(undefined, null);
  chosen.choose(MAIN, null);
  expect(chosen.current).toEqual({ session: 'prefer-remote', branches: new Map() });
});

it('[SE9] what was chosen survives a restart, the setting does not stand for a choice', () => {
  const before = book();
  before.choose(MAIN, 'auto-merge');
  before.choose('__proto__' as BranchName, 'prefer-local');
  const stored = JSON.parse(JSON.stringify(before.chosen)) as Partial<SessionRecord>;
  const after = book(stored);
  expect(after.current).toEqual(before.current);
  after.applySetting('prefer-remote');
  expect(after.current.session).toBe('prefer-remote');
});

it('forgets the oldest of more branches than anybody chooses for', () => {
  const chosen = book();
  for (let n = 0; n < 1_001; n += 1) chosen.choose(`b${n}` as BranchName, 'manual');
  expect(chosen.current.branches.size).toBe(1_000);
  expect(chosen.current.branches.has('b0' as BranchName)).toBe(false);
});
