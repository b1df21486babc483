import { describe, expect, it } from 'vitest';
import { A, B, branch, C, CoreScript } from './core-script.ts';

/** Local is at `c0`, and A is ahead at `c2`: a move to there is out. */
function moving(): { s: CoreScript; c0: never; c1: never; c2: never } {
  const s = new CoreScript();
  const [c0, c1, c2] = s.line(3) as never[];
  s.local({ main: c0! });
  s.up(A, B, C);
  s.announces(A, { main: c2! });
  return { s, c0: c0!, c1: c1!, c2: c2! };
}

describe('[SY5] moves', () => {
  it('[SY5] of several peers ahead the farthest is taken, and only one move is out', () => {
    const s = new CoreScript();
    const [c0, c1, c2] = s.line(3);
    s.relates = false;
    s.local({ main: c0! });
    s.up(A, B);
    s.announces(A, { main: c1! });
    s.announces(B, { main: c2! });
    s.relates = true;
    s.feed({ type: 'related', relations: [s.graph.relation(c0!, c1!), s.graph.relation(c0!, c2!)] });
    expect(s.every('move').map(({ to }) => to)).toEqual([c2]);
    s.moves();
    expect(s.got('move')).toEqual([]);
  });

  it('[SY5] a chain of peers is walked to its end', () => {
    const { s, c2 } = moving();
    const c3 = s.commit([c2]);
    s.announces(B, { main: c3 });
    s.moves();
    s.moves();
    expect(s.state()?.local).toBe(c3);
    expect([s.standing(A), s.standing(B)]).toEqual(['remote-behind', 'equal']);
  });

  it('[SY5] with automatic syncing off nothing moves, standings are kept, and a person can still ask', () => {
    const s = new CoreScript({ autoSync: false });
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c1!, topic: c1!, 'tag:v1': c1! });
    expect([...s.every('move'), ...s.every('create-tag')]).toEqual([]);
    expect(s.standing(A)).toBe('fast-forward');
    expect(s.got('synced')).toHaveLength(1);
    s.feed({ type: 'apply-pending', branch: branch('main') });
    expect(s.got('move')).toMatchObject([{ to: c1, reviewed: true }]);
    s.feed({ type: 'auto-sync', enabled: true });
    expect(s.got('move')).toMatchObject([{ branch: 'topic', from: null }]);
    expect(s.got('create-tag')).toHaveLength(1);
  });
});

describe('[SY6] a move that must wait', () => {
  it('[SY6] is shown with its reason, and is not tried again by itself', () => {
    const { s, c0, c2 } = moving();
    s.refuses('pending', 'README.md has local changes');
    expect(s.state()?.pending).toEqual({ to: c2, peer: A, detail: 'README.md has local changes' });
    expect(s.got('synced')).toEqual([{ type: 'synced', peer: A }]);
    s.local({ main: c0 });
    s.announces(B, { main: c0 });
    s.feed({ type: 'tick', now: 60_000 });
    expect(s.every('move')).toHaveLength(1);
  });

  it('[SY6] is tried again when the worktree, the refs or the tip change', () => {
    const { s, c0, c2 } = moving();
    s.refuses('pending');
    s.feed({ type: 'worktree-changed' });
    expect(s.got('move')).toHaveLength(1);
    expect(s.state()?.pending).toBeDefined();
    s.refuses('pending');
    s.local({ main: c0, other: c0 });
    expect(s.got('move')).toHaveLength(1);
    s.refuses('pending');
    const c3 = s.commit([c2]);
    s.announces(A, { main: c3, other: c0 });
    expect(s.got('move')).toMatchObject([{ to: c3 }]);
    s.moves();
    expect(s.state()?.pending).toBeUndefined();
  });

  it('[SY6] goes through when a person asks, as reviewed, also while the first try is still out', () => {
    const { s, c2 } = moving();
    s.feed({ type: 'apply-pending', branch: branch('main') });
    expect(s.got('move')).toEqual([]);
    s.refuses('pending');
    expect(s.got('move')).toMatchObject([{ to: c2, reviewed: true }]);
    s.refuses('pending', 'a merge is in progress');
    expect(s.state()?.pending?.detail).toBe('a merge is in progress');
    expect(s.got('move')).toEqual([]);
  });

  // Found by the simulator: the worktree became clean just before the refusal came, and nobody tried again.
  it('[SY6] is tried again when the worktree changed while it was being refused', () => {
    const { s } = moving();
    s.feed({ type: 'worktree-changed' });
    s.refuses('pending');
    expect(s.got('move')).toHaveLength(1);
    s.refuses('pending');
    expect(s.got('move')).toEqual([]);
  });

  it('[SY6] does not spin when trying looks like a change of the worktree', () => {
    const { s } = moving();
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      s.feed({ type: 'worktree-changed' });
      s.refuses('pending');
      s.feed({ type: 'worktree-changed' });
      s.feed({ type: 'tick', now: i * 100_000 });
      waits.push(s.got('wake')[0]?.inMs);
      s.feed({ type: 'tick', now: i * 100_000 + 4_000 });
    }
    expect(waits).toEqual([undefined, 250, 500, 1_000, 2_000, 4_000, 4_000]);
    expect(s.every('move').length).toBeLessThan(16);
  });

  it('[SY6] stops waiting when the branch gets there otherwise', () => {
    const { s, c2 } = moving();
    s.refuses('pending');
    s.local({ main: c2 });
    expect(s.state()?.pending).toBeUndefined();
  });
});

describe('[SY12] the user wins', () => {
  it('[SY12] a lost compare-and-swap asks for the refs and plans from them', () => {
    const { s, c1, c2 } = moving();
    s.refuses('ref-moved');
    expect(s.got('read-refs')).toHaveLength(1);
    expect(s.got('move')).toEqual([]);
    s.local({ main: c1 });
    expect(s.got('move')).toMatchObject([{ from: c1, to: c2 }]);
  });

  it('[SY12] and is tried again after a while when the refs show nothing new, ever more rarely', () => {
    const { s, c0 } = moving();
    s.refuses('ref-moved');
    s.local({ main: c0 });
    expect(s.got('move')).toEqual([]);
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      s.feed({ type: 'tick', now: i * 100_000 });
      waits.push(s.got('wake')[0]?.inMs);
      s.feed({ type: 'tick', now: i * 100_000 + 50_000 });
      expect(s.got('move')).toHaveLength(1);
      s.refuses('ref-moved');
    }
    expect(waits).toEqual([250, 500, 1_000]);
  });

  it('[SY12] a move that is out is withdrawn when the branch was elsewhere meanwhile, though it may come back (seed 11766)', () => {
    const { s, c0, c1, c2 } = moving();
    // With plain git: first what they have and more, then all of it taken back, to where the move that is still out begins.
    const more = s.commit([c2]);
    s.local({ main: more });
    expect(s.got('withdraw')).toEqual([{ type: 'withdraw', branch: 'main' }]);
    s.local({ main: c0 });
    s.refuses('ref-moved');
    expect(s.standing(A)).toBe('rewound-here');
    s.local({ main: c1 });
    expect(s.every('move')).toHaveLength(1);
  });

  it('[SY12] but not by the news that it went through, nor while nothing else was seen', () => {
    const { s, c0, c2 } = moving();
    s.local({ main: c0, other: c2 });
    s.local({ main: c2, other: c2 });
    s.moves();
    expect(s.every('withdraw')).toEqual([]);
  });

  it('[SY12] a commit on top of our own move is not taken back by the news of the move', () => {
    const { s, c2 } = moving();
    const c3 = s.commit([c2]);
    s.local({ main: c3 });
    s.moves();
    expect(s.state()?.local).toBe(c3);
    expect(s.got('announce')).toEqual([]);
    expect(s.standing(A)).toBe('remote-behind');
  });

  it('a reading of the refs that is older than two moves of ours is no rewind by the user (seed 24154)', () => {
    const s = new CoreScript();
    const [c0, c1, c2] = s.line(3);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c1! });
    s.moves();
    s.announces(A, { main: c2! });
    s.moves();
    s.local({ main: c0! });
    expect(s.got('announce')).toEqual([]);
    expect(s.got('read-refs')).toHaveLength(1);
    expect(s.state()).toMatchObject({ local: c2 });
    // What is read after that is believed.
    s.local({ main: c0! });
    expect(s.standing(A)).toBe('rewound-here');
  });
});
