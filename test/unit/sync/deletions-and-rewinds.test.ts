import { describe, expect, it } from 'vitest';
import { A, B, branch, CoreScript } from './core-script.ts';

/** Local and A agree on `c0 – c1 – c2`. */
function agreed(): { s: CoreScript; c0: never; c1: never; c2: never } {
  const s = new CoreScript();
  const [c0, c1, c2] = s.line(3) as never[];
  s.local({ main: c0!, topic: c2! });
  s.up(A);
  s.announces(A, { main: c0!, topic: c2! });
  return { s, c0: c0!, c1: c1!, c2: c2! };
}

describe('[SY7] deletions never spread, and are never undone', () => {
  it('[SY7] a branch deleted at the peer stays here, and is shown', () => {
    const { s, c0 } = agreed();
    s.announces(A, { main: c0 });
    expect(s.standing(A, 'topic')).toBe('deleted-there');
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] a branch deleted here is not brought back by a peer that still has it, or goes on with it', () => {
    const { s, c0, c2 } = agreed();
    s.local({ main: c0 });
    expect(s.standing(A, 'topic')).toBe('deleted-here');
    s.announces(A, { main: c0, topic: s.commit([c2]) });
    s.up(B);
    s.announces(B, { main: c0, topic: c2 });
    expect(s.standing(A, 'topic')).toBe('deleted-here');
    expect(s.standing(B, 'topic')).toBe('deleted-here');
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] [SE9] also not when it was deleted while the engine was not running, nor after yet another restart', () => {
    const { s, c0, c2 } = agreed();
    for (let restarts = 0; restarts < 2; restarts++) {
      s.restart();
      s.local({ main: c0 });
      s.up(A);
      s.announces(A, { main: c0, topic: c2 });
      expect(s.standing(A, 'topic')).toBe('deleted-here');
    }
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] the deletion is forgotten when the branch is here again', () => {
    const { s, c0, c2 } = agreed();
    s.local({ main: c0 });
    s.local({ main: c0, topic: c2 });
    expect(s.standing(A, 'topic')).toBe('equal');
    s.announces(A, { main: c0, topic: s.commit([c2]) });
    expect(s.got('move')).toHaveLength(1);
  });

  it('[SY7] a deleted branch comes back when a person asks for it', () => {
    const { s, c0, c2 } = agreed();
    s.local({ main: c0 });
    s.feed({ type: 'apply-pending', branch: branch('topic') });
    expect(s.got('move')).toEqual([{ type: 'move', branch: 'topic', from: null, to: c2, peer: A, reviewed: true }]);
    s.moves();
    expect(s.standing(A, 'topic')).toBe('equal');
  });
});

describe('[SY7] rewinds never spread, and are never undone', () => {
  it('[SY7] a branch rewound at the peer stays here, and is shown', () => {
    const { s, c0, c1, c2 } = agreed();
    s.announces(A, { main: c0, topic: c1 });
    expect(s.standing(A, 'topic')).toBe('rewound-there');
    s.announces(A, { main: c0, topic: s.commit([c1]) });
    expect(s.standing(A, 'topic')).toBe('rewound-there');
    expect(s.state('topic')).toMatchObject({ local: c2, conflict: undefined });
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] a branch rewound here is not taken forward to a peer that stayed, or went back less far', () => {
    const { s, c0, c1, c2 } = agreed();
    s.local({ main: c0, topic: c0 });
    expect(s.standing(A, 'topic')).toBe('rewound-here');
    s.announces(A, { main: c0, topic: c1 });
    expect(s.standing(A, 'topic')).toBe('rewound-here');
    s.announces(A, { main: c0, topic: c2 });
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] nor to a peer that built on what was abandoned: the redo is offered', () => {
    const { s, c0, c1, c2 } = agreed();
    s.local({ main: c0, topic: c1 });
    const c3 = s.commit([c2]);
    s.announces(A, { main: c0, topic: c3 });
    expect(s.standing(A, 'topic')).toBe('rewound-here');
    expect(s.every('move')).toEqual([]);
    s.feed({ type: 'apply-pending', branch: branch('topic') });
    expect(s.got('move')).toEqual([{ type: 'move', branch: 'topic', from: c1, to: c3, peer: A, reviewed: true }]);
    s.moves();
    const c4 = s.commit([c3]);
    s.announces(A, { main: c0, topic: c4 });
    expect(s.got('move')).toMatchObject([{ from: c3, to: c4 }]);
  });

  it('[SY7] a peer that follows the rewind and goes on from there is followed', () => {
    const { s, c0, c1 } = agreed();
    s.local({ main: c0, topic: c1 });
    const other = s.commit([c1]);
    s.announces(A, { main: c0, topic: other });
    expect(s.got('move')).toMatchObject([{ from: c1, to: other }]);
  });

  it('[SY7] an amend is no conflict with a peer that stayed on the old commit, on either side', () => {
    const { s, c0, c1, c2 } = agreed();
    s.local({ main: c0, topic: s.commit([c1]) });
    expect(s.standing(A, 'topic')).toBe('rewound-here');
    expect(s.state('topic')?.conflict).toBeUndefined();
    s.announces(A, { main: c0, topic: s.commit([c2]) });
    expect(s.standing(A, 'topic')).toBe('diverged');
  });

  it('[SY13] who takes back a merge of both sides stands where the conflict was, whoever had it', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0! });
    const [mine, theirs] = [s.commit([c0!]), s.commit([c0!])];
    const merge = s.commit([mine, theirs]);
    s.local({ main: mine });
    s.announces(A, { main: theirs });
    expect(s.standing(A)).toBe('diverged');
    // Settled here, and taken back before they heard of it.
    s.local({ main: merge });
    expect(s.standing(A)).toBe('remote-behind');
    s.local({ main: mine });
    expect(s.standing(A)).toBe('diverged');
    expect(s.state()?.conflict).toHaveLength(2);
    // They had heard of it: what was taken back does not come back.
    s.local({ main: merge });
    s.announces(A, { main: merge });
    s.local({ main: mine });
    expect(s.standing(A)).toBe('rewound-here');
    // And took it back as well.
    s.announces(A, { main: theirs });
    expect(s.standing(A)).toBe('diverged');
    expect(s.state()?.conflict).toHaveLength(2);
    expect(s.every('move')).toEqual([]);
  });

  it('[SY7] a rewind is known although the peer never said that it had the commits', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0! });
    s.local({ main: c1! });
    s.local({ main: c0! });
    s.announces(A, { main: c1! });
    expect(s.standing(A)).toBe('rewound-here');
  });

  it('[SY7] [SE9] a rewind while the engine was not running is one too', () => {
    const { s, c0, c1, c2 } = agreed();
    s.restart();
    s.local({ main: c0, topic: c1 });
    s.up(A);
    expect(s.standing(A, 'topic')).toBe('rewound-here');
    s.restart();
    s.local({ main: c0, topic: c1 });
    s.up(B);
    s.announces(B, { topic: c2 });
    expect(s.standing(B, 'topic')).toBe('rewound-here');
    expect(s.every('move')).toEqual([]);
  });

  // Found by the simulator: a repository that was busy for a moment let the rewind be undone.
  it('[SY7] a relation that cannot be told for a moment does not let a rewind be undone', () => {
    const { s, c0, c1, c2 } = agreed();
    s.local({ main: c0, topic: c1 });
    s.relates = false;
    s.announces(A, { main: c0, topic: s.commit([c2]) });
    for (let i = 0; i < 5; i++) {
      s.feed({ type: 'related', relations: [] });
      s.feed({ type: 'tick', now: i * 60_000 });
      s.feed({ type: 'tick', now: i * 60_000 + 30_000 });
    }
    expect(s.every('move')).toEqual([]);
    expect(s.core.peerState(A)?.inSync).toBe(false);
  });

  it('[SY7] a long line of own commits is not taken for rewinds, and is not remembered for ever', () => {
    const s = new CoreScript();
    const line = s.line(100);
    s.up(A);
    for (const tip of line) s.local({ main: tip });
    expect(s.core.persisted().left.flatMap(([, tips]) => tips).length).toBeLessThan(10);
    s.announces(A, { main: s.commit([line.at(-1)!]) });
    expect(s.got('move')).toHaveLength(1);
  });
});

describe('[SY12] a snapshot that is older than our own move', () => {
  it('[SY12] does not make the move look taken back, until a second one says so', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c1!, topic: c1! });
    for (const { branch: name, from, to } of s.every('move')) s.feed({ type: 'moved', branch: name, from, to });
    s.local({ main: c0! });
    expect(s.got('read-refs')).toHaveLength(1);
    expect(s.got('announce')).toEqual([]);
    expect([s.standing(A), s.standing(A, 'topic')]).toEqual(['equal', 'equal']);
    s.local({ main: c0! });
    expect([s.standing(A), s.standing(A, 'topic')]).toEqual(['rewound-here', 'deleted-here']);
  });
});
