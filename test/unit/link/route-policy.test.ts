import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../extension/src/p2p/link/link-timings.ts';
import { RoutePolicy } from '../../../extension/src/p2p/link/route-policy.ts';
import { worthOf } from '../../../extension/src/p2p/link/route-worth.ts';
import type { Route, Tier } from '../../../extension/src/p2p/transport/transport.ts';

const TIERS: readonly Tier[] = ['tcp', 'webrtc', 'relay', 'json'];
const MINUTE = 60_000;
const policy = (tiers = TIERS): RoutePolicy =>
  new RoutePolicy({ tiers, searched: tiers, timings: DEFAULT_TIMINGS, random: () => 0.5 });

describe('worth of routes [LI2]', () => {
  const sorted = (tiers: readonly Tier[]): Route[] =>
    (['json', 'webrtc-turn', 'tcp', 'relay', 'webrtc'] as Route[]).sort(
      (a, b) => worthOf(a, tiers) - worthOf(b, tiers),
    );

  it('is the order of the tiers, a TURN server at the end of its own', () =>
    expect(sorted(TIERS)).toEqual(['tcp', 'webrtc', 'webrtc-turn', 'relay', 'json']));
  it('is what a setting says', () =>
    expect(sorted(['relay', 'json', 'webrtc', 'tcp'])).toEqual(['relay', 'json', 'webrtc', 'webrtc-turn', 'tcp']));
  it('is least for what is not allowed', () => expect(sorted(['json', 'relay'])[0]).toBe('json'));
});

describe('the search for a better route [LI2]', () => {
  it('tries what is better at once, and nothing when there is nothing better', () => {
    const link = policy();
    expect([link.due(0), link.nextAt()]).toEqual([[], undefined]);
    link.attached('relay', 1_000);
    expect(link.due(1_000)).toEqual(['tcp', 'webrtc']);
    link.attached('webrtc-turn', 1_000);
    expect(link.due(1_000)).toEqual(['tcp', 'webrtc']);
    link.attached('webrtc', 1_000);
    expect(link.due(1_000)).toEqual(['tcp']);
    link.attached('tcp', 1_000);
    expect([link.due(1_000), link.nextAt()]).toEqual([[], undefined]);
  });

  it('is left to the other end where that can do it as well', () => {
    const timings = DEFAULT_TIMINGS;
    const link = new RoutePolicy({ tiers: TIERS, searched: ['tcp'], timings, random: () => 0.5 });
    link.attached('relay', 0);
    expect(link.due(0)).toEqual(['tcp']);
    const other = new RoutePolicy({
      tiers: ['relay', 'tcp'],
      searched: ['tcp'],
      timings,
      random: () => 0.5,
    });
    other.attached('relay', 0);
    expect(other.due(0)).toEqual([]);
  });

  it('waits longer from failure to failure, and begins anew when there is news', () => {
    const link = policy(['tcp', 'relay']);
    link.attached('relay', 0);
    let now = 0;
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      expect(link.due(now)).toEqual(['tcp']);
      link.began('tcp');
      expect([link.due(now), link.nextAt()]).toEqual([[], undefined]);
      link.failed('tcp', 'No.', now);
      pauses.push(link.nextAt()! - now);
      expect(link.due(link.nextAt()! - 1)).toEqual([]);
      now = link.nextAt()!;
    }
    expect(pauses).toEqual([2_000, 10_000, MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE]);
    link.failed('tcp', 'No.', now);
    link.reset(now + 1);
    expect(link.due(now + 1)).toEqual(['tcp']);
    link.failed('tcp', 'No.', now + 1);
    expect(link.nextAt()! - now - 1).toBe(2_000);
  });

  it('says why, until it works', () => {
    const link = policy();
    link.attached('relay', 0);
    expect(link.better(0)).toEqual([]);
    link.failed('tcp', 'It is switched off.', 0);
    link.failed('webrtc', 'No path.', 0);
    expect(link.better(0)).toEqual([
      { tier: 'tcp', why: 'It is switched off.' },
      { tier: 'webrtc', why: 'No path.' },
    ]);
    link.attached('webrtc', 1);
    expect(link.better(1)).toEqual([{ tier: 'tcp', why: 'It is switched off.' }]);
    link.attached('tcp', 2);
    link.dropped(3);
    link.attached('relay', 4);
    expect(link.better(4).map(({ tier }) => tier)).toEqual(['tcp']);
    expect(link.better(4)[0]!.why).toContain('rests');
  });

  it('objects to what is no better, rests, or is far slower', () => {
    const link = policy();
    const objection = (route: Route, rtt: number, present?: number): string | undefined =>
      link.objection(route, rtt, present, 0);
    expect(objection('json', 50)).toBeUndefined();
    link.attached('relay', 0);
    expect(objection('tcp', 900, 10)).toBeUndefined();
    expect(objection('tcp', 1_500, 600)).toBeUndefined();
    expect(objection('tcp', 1_500, undefined)).toBeUndefined();
    expect(objection('tcp', 1_500, 10)).toContain('1500 ms');
    expect(objection('json', 1)).toContain('no better');
    link.attached('webrtc-turn', 0);
    expect(objection('webrtc', 50)).toBeUndefined();
    expect(objection('webrtc-turn', 50)).toContain('TURN');
    link.attached('tcp', 0);
    link.dropped(0);
    link.attached('relay', 0);
    expect(objection('tcp', 50)).toContain('rests');
  });
});

describe('a route that drops [LI2]', () => {
  /** Takes tcp at `now`, lets it drop after `carried` ms and come back on the relay; resolves to how long tcp rests. */
  const drop = (link: RoutePolicy, now: number, carried: number): number => {
    link.attached('tcp', now);
    link.dropped(now + carried);
    link.attached('relay', now + carried);
    let rest = 0;
    while (link.isResting('tcp', now + carried + rest)) rest += 1_000;
    expect(link.due(now + carried + rest)).toContain('tcp');
    return rest;
  };

  it('rests, longer each time, when it drops early', () => {
    const link = policy();
    const rests = Array.from({ length: 7 }, (_, round) => drop(link, round * 20 * MINUTE, 5_000));
    expect(rests).toEqual([30, 60, 120, 240, 480, 600, 600].map((seconds) => seconds * 1_000));
  });

  it('need not rest when it was stable, and makes up for the past', () => {
    const link = policy();
    expect(drop(link, 0, 5_000)).toBe(30_000);
    expect(drop(link, 20 * MINUTE, 5_000)).toBe(60_000);
    expect(drop(link, 40 * MINUTE, MINUTE)).toBe(0);
    expect(drop(link, 60 * MINUTE, 5_000)).toBe(120_000);
    expect(drop(link, 80 * MINUTE, 15 * MINUTE)).toBe(0);
    expect(drop(link, 120 * MINUTE, 5_000)).toBe(30_000);
  });

  it('does not end its rest by news of addresses or of the network', () => {
    const link = policy();
    link.attached('tcp', 0);
    link.dropped(1_000);
    link.attached('relay', 2_000);
    link.reset(3_000);
    expect(link.due(3_000)).toEqual(['webrtc']);
    expect(link.isResting('tcp', 30_999)).toBe(true);
    expect(link.isResting('tcp', 31_000)).toBe(false);
  });

  const { stable, lastRest, atonement } = DEFAULT_TIMINGS;
  it.each([
    ['a path that never holds for long', stable - 1, (now: number) => 6 + now / lastRest],
    [
      'a path that holds as it likes',
      15 * MINUTE,
      (now: number) => 6 + now / stable + now / lastRest + now / atonement,
    ],
  ])('cannot drag the link along: %s', (_, longest, bound) => {
    const step = fc.record({
      // How long a route carries the link before it drops, and what attempts find.
      carried: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: longest })),
      works: fc.boolean(),
      turn: fc.boolean(),
      news: fc.boolean(),
    });
    const run = (pattern: readonly { carried: number; works: boolean; turn: boolean; news: boolean }[]): void => {
      const link = policy();
      let now = 0;
      let upgrades = 0;
      link.attached('relay', now);
      for (const { carried, works, turn, news } of pattern) {
        if (news) link.reset(now);
        now = Math.max(now, link.nextAt() ?? now);
        for (const tier of link.due(now)) {
          link.began(tier);
          const found = turn && tier === 'webrtc' ? 'webrtc-turn' : (tier as Route);
          const objection = works ? link.objection(found, 10, 10, now) : 'No.';
          if (objection !== undefined) {
            link.failed(tier, objection, now);
            continue;
          }
          link.ended(tier);
          link.attached(found, now);
          upgrades += 1;
        }
        now += carried;
        link.dropped(now);
        link.attached('relay', now);
      }
      // Each of the three better routes.
      expect(upgrades).toBeLessThanOrEqual(3 * bound(now));
    };
    fc.assert(fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), run), { numRuns: 200 });
  });
});
