import { describe, expect, it } from 'vitest';
import type { ConflictDetail } from '../../../extension/src/rpc/conflicts.ts';
import { ConflictDetails } from '../../../extension/src/views/conflict-details.ts';
import { oidOf, someDetail, someSide } from '../../support/conflict-details.ts';
import { someConflict, someSession } from '../../support/session-views.ts';

const REPO = '/repos/demo';

/** Counts what is read of an engine that answers like this. */
function readingOf(answer: () => Promise<ConflictDetail>): { details: ConflictDetails; asked: string[] } {
  const asked: string[] = [];
  const details = new ConflictDetails((_repo, branch) => {
    asked.push(branch);
    return answer();
  });
  return { details, asked };
}

describe('conflict details', () => {
  it('[ED2] are read once for the same commits, and anew for others', async () => {
    const { details, asked } = readingOf(async () => someDetail());
    const [first, second] = await Promise.all([
      details.load(REPO, someConflict()),
      details.load(REPO, someConflict({ resolving: [{ name: 'Cy', since: 1 }] })),
    ]);
    expect(first).toBe(second);
    expect(details.lookUp(REPO, someConflict())).toEqual({ detail: someDetail() });
    expect(asked).toEqual(['main']);
    const moved = someConflict({ candidates: [{ oid: oidOf('9'), owners: ['Ada'], mine: true }] });
    expect(details.lookUp(REPO, moved)).toBeUndefined();
    await details.load(REPO, moved);
    expect(asked).toHaveLength(2);
  });

  it('say so when the engine answers of other commits than were asked for', async () => {
    const later = someDetail({ sides: [someSide(), someSide({ tip: oidOf('9'), mine: false })] });
    const { details } = readingOf(async () => later);
    const known = await details.load(REPO, someConflict());
    expect('failure' in known && known.failure).toMatch(/moved meanwhile/);
  });

  it('tell what blocks a branch before what a peer did to it besides', async () => {
    const { details } = readingOf(async () => someDetail());
    const known = await details.load(REPO, someConflict({ kind: 'rewound-there' }));
    expect('failure' in known && known.failure).toMatch(/when the branch is settled/);
  });

  it('keep a failure until it is forgotten, and tell when they change', async () => {
    let fails = true;
    const { details, asked } = readingOf(async () => {
      if (fails) throw new Error('The engine ended.');
      return someDetail();
    });
    let changes = 0;
    details.onDidChange(() => (changes += 1));
    expect(await details.load(REPO, someConflict())).toEqual({ failure: 'The engine ended.' });
    await details.load(REPO, someConflict());
    expect(asked).toHaveLength(1);
    fails = false;
    details.forgetFailures();
    expect(await details.load(REPO, someConflict())).toEqual({ detail: someDetail() });
    expect(changes).toBe(3);
  });

  it('forget what no session has any more', async () => {
    const { details, asked } = readingOf(async () => someDetail());
    await details.load(REPO, someConflict());
    details.prune([someSession({ conflicts: [someConflict()] })]);
    expect(details.lookUp(REPO, someConflict())).toBeDefined();
    details.prune([someSession()]);
    expect(details.lookUp(REPO, someConflict())).toBeUndefined();
    await details.load(REPO, someConflict());
    expect(asked).toHaveLength(2);
  });
});
