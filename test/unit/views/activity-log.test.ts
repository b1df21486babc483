import { describe, expect, it } from 'vitest';
import type { ActivityEntry } from '../../../extension/src/rpc/conflicts.ts';
import { ActivityLog } from '../../../extension/src/views/activity-log.ts';
import { someEntry } from '../../support/activity-entries.ts';
import { someConflict, somePeer, someSession } from '../../support/session-views.ts';

/** An engine whose answers the test gives one by one. */
function reading(): { log: ActivityLog; answers: ((result: readonly ActivityEntry[] | Error) => void)[] } {
  const answers: ((result: readonly ActivityEntry[] | Error) => void)[] = [];
  const log = new ActivityLog(
    () =>
      new Promise((resolve, reject) => {
        answers.push((result) => {
          if (result instanceof Error) reject(result);
          else resolve(result);
        });
      }),
  );
  return { log, answers };
}

const REPO = someSession().repo;

describe('activity log', () => {
  it('reads again when a branch may have moved, and not for round trips', async () => {
    const { log, answers } = reading();
    const first = log.follow([someSession({ peers: [somePeer({ rttMs: 5 })] })]);
    answers[0]?.([someEntry()]);
    await first;
    expect(log.lookUp(REPO)).toEqual({ entries: [someEntry()] });
    await log.follow([someSession({ peers: [somePeer({ rttMs: 9, bytesSent: 77 })] })]);
    expect(answers).toHaveLength(1);
    void log.follow([someSession({ peers: [somePeer()], conflicts: [someConflict()] })]);
    expect(answers).toHaveLength(2);
  });

  it('reads again after it was told that a branch moved, whatever the state says', async () => {
    const { log, answers } = reading();
    const first = log.follow([someSession()]);
    answers[0]?.([]);
    await first;
    log.invalidate(REPO);
    void log.follow([someSession()]);
    expect(answers).toHaveLength(2);
  });

  it('takes the answer that was asked for last', async () => {
    const { log, answers } = reading();
    const first = log.follow([someSession()]);
    const second = log.follow([someSession({ conflicts: [someConflict()] })]);
    answers[1]?.([someEntry({ id: 'new' })]);
    await second;
    answers[0]?.([someEntry({ id: 'old' })]);
    await first;
    expect(log.lookUp(REPO)).toEqual({ entries: [someEntry({ id: 'new' })] });
  });

  it('says what it failed with, and forgets sessions that ended', async () => {
    const { log, answers } = reading();
    let changes = 0;
    log.onDidChange(() => (changes += 1));
    const first = log.follow([someSession()]);
    answers[0]?.(new Error('The engine ended.'));
    await first;
    expect(log.lookUp(REPO)).toEqual({ failure: 'The engine ended.' });
    expect(changes).toBe(1);
    await log.follow([]);
    expect(log.lookUp(REPO)).toBeUndefined();
  });
});
