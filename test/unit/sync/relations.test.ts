import { describe, expect, it } from 'vitest';
import type { SyncEvent } from '../../../extension/src/p2p/sync/model.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, B, C, CoreScript } from './core-script.ts';

/** Answers every question but those about `pruned`, through all the waits, until nothing more is asked. */
function answerAllBut(s: CoreScript, pruned: Oid): void {
  s.relates = false;
  for (let now = 0; now < 60 * 60_000; now += 60_000) {
    for (let asked = s.got('relate')[0]; asked !== undefined; asked = s.got('relate')[0]) {
      const known = asked.pairs.filter(({ local, remote }) => local !== pruned && remote !== pruned);
      const answer: SyncEvent = s.answer({ type: 'relate', pairs: known });
      s.feed(answer);
      if (s.got('wake').length > 0) s.feed({ type: 'tick', now });
    }
    s.feed({ type: 'tick', now: now + 59_000 });
  }
}

describe('relations', () => {
  it('are asked once a pair, one batch at a time', () => {
    const s = new CoreScript();
    const [c0, c1, c2] = s.line(3);
    s.local({ main: c0!, topic: c0! });
    s.up(A, B, C);
    s.relates = false;
    s.announces(A, { main: c1!, topic: c1! });
    expect(s.every('relate').map(({ pairs }) => pairs.length)).toEqual([1]);
    s.announces(B, { main: c2! });
    expect(s.every('relate')).toHaveLength(1);
    s.feed({ type: 'related', relations: [s.graph.relation(c1!, c0!)] });
    expect(s.every('relate')).toHaveLength(2);
    s.feed(s.answer(s.every('relate')[1]!));
    s.announces(C, { main: c1! });
    expect(s.every('relate')).toHaveLength(2);
    expect(s.with(C)).toMatchObject({ standing: 'fast-forward', behind: 1 });
  });

  it('that cannot be told do not spoil the answer for others', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    const lost = s.commit([c0!]);
    s.local({ main: c0!, broken: c0! });
    s.up(A);
    s.relates = false;
    s.announces(A, { main: c1!, broken: lost });
    // The repository fails the whole batch for the sake of one object.
    s.feed({ type: 'related', relations: [] });
    s.feed({ type: 'tick', now: 0 });
    s.feed({ type: 'tick', now: 250 });
    answerAllBut(s, lost);
    expect([s.standing(A), s.standing(A, 'broken')]).toEqual(['fast-forward', 'unknown']);
    expect(s.core.peerState(A)?.inSync).toBe(false);
    s.relates = true;
    s.feed({ type: 'sync-now' });
    expect(s.standing(A, 'broken')).toBe('fast-forward');
  });

  it('[SY7] an abandoned tip that was pruned here for good does not hold a branch back for ever', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    const abandoned = s.commit([c0!]);
    s.local({ main: abandoned });
    s.local({ main: c0! });
    s.up(A);
    s.relates = false;
    s.announces(A, { main: c1! });
    answerAllBut(s, abandoned);
    expect(s.every('move')).toMatchObject([{ from: c0, to: c1 }]);
  });
});
