import { describe, expect, it } from 'vitest';
import { A, B, C, CoreScript } from './core-script.ts';

describe('[CO1] a conflict names every side and its owners', () => {
  it('[CO1] [CO2] two sides; the branch stays, others go on', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const [ours, theirs] = [s.commit([c0!]), s.commit([c0!])];
    s.local({ main: ours, topic: c0! });
    s.up(A);
    s.announces(A, { main: theirs, topic: theirs });
    expect(s.state()?.conflict).toEqual([
      { tip: ours, owners: [null] },
      { tip: theirs, owners: [A] },
    ]);
    expect(s.every('move').map(({ branch }) => branch)).toEqual(['topic']);
    expect(s.every('synced')).toEqual([]);
    s.moves();
    expect(s.got('synced')).toHaveLength(1);
  });

  it('[CO1] with several peers each tip is named once, and one that another contains is left out', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const ours = s.commit([c0!]);
    const [one, two] = [s.commit([c0!]), s.commit([c0!])];
    const onTop = s.commit([one]);
    s.local({ main: ours });
    s.up(A, B, C);
    s.announces(A, { main: one });
    s.announces(B, { main: onTop });
    s.announces(C, { main: two });
    const sides = s.state()?.conflict ?? [];
    expect(sides[0]).toEqual({ tip: ours, owners: [null] });
    expect(new Map(sides.map(({ tip, owners }) => [tip, owners]))).toEqual(
      new Map([
        [ours, [null]],
        [onTop, [B]],
        [two, [C]],
      ]),
    );
    s.announces(C, { main: ours });
    expect(s.state()?.conflict?.[0]).toEqual({ tip: ours, owners: [null, C] });
  });

  it('[CO5] it is gone when a tip that contains all sides has come', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const [ours, theirs] = [s.commit([c0!]), s.commit([c0!])];
    s.local({ main: ours });
    s.up(A, B);
    s.announces(A, { main: theirs });
    s.announces(B, { main: s.commit([theirs, ours]) });
    expect(s.state()?.conflict).toBeUndefined();
    s.moves();
    expect([s.standing(A), s.standing(B)]).toEqual(['remote-behind', 'equal']);
  });

  it('[CO1] it does not flicker while the sides move on', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const [ours, theirs] = [s.commit([c0!]), s.commit([c0!])];
    s.local({ main: ours });
    s.up(A);
    s.announces(A, { main: theirs });
    s.relates = false;
    s.announces(A, { main: s.commit([theirs]) });
    expect(s.standing(A)).toBe('unknown');
    expect(s.state()?.conflict).toHaveLength(2);
  });

  it('[CO2] a side that others carried on is joined where it only moves forward', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const [ours, theirs] = [s.commit([c0!]), s.commit([c0!])];
    const onOurs = s.commit([ours]);
    s.local({ main: ours });
    s.up(A, B);
    s.announces(A, { main: theirs });
    s.announces(B, { main: onOurs });
    s.moves();
    expect(s.state()).toMatchObject({ local: onOurs });
    expect(s.state()?.conflict?.[0]).toEqual({ tip: onOurs, owners: [null, B] });
  });
});
