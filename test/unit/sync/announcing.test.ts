import { describe, expect, it } from 'vitest';
import { A, B, branch, CoreScript, refsOf } from './core-script.ts';

describe('announcing', () => {
  it('announces at the first sight of the refs, and when refs or HEAD change, and not otherwise', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    expect(s.got('announce')).toEqual([{ type: 'announce', refs: refsOf({ main: c0! }), head: 'main' }]);
    s.local({ main: c0! });
    expect(s.got('announce')).toEqual([]);
    s.local({ main: c0! }, 'topic');
    expect(s.got('announce')).toHaveLength(1);
    s.local({ main: c1! }, 'topic');
    expect(s.got('announce')).toHaveLength(1);
  });

  it('[SE9] saves before it announces, so that a crash cannot forget what others have heard of', () => {
    const s = new CoreScript();
    s.local({ main: s.commit() });
    const types = s.last.map(({ type }) => type);
    expect(types.indexOf('persist')).toBeGreaterThanOrEqual(0);
    expect(types.indexOf('persist')).toBeLessThan(types.indexOf('announce'));
  });

  it('announces its own moves, together, and does not change what it announced before', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    const first = s.got('announce')[0]!.refs;
    s.up(A);
    s.announces(A, { main: c1!, topic: c1! });
    s.feed({ type: 'moved', branch: branch('main'), from: c0!, to: c1! });
    expect(s.got('announce')).toEqual([]);
    s.feed({ type: 'moved', branch: branch('topic'), from: null, to: c1! });
    expect(s.got('announce')).toMatchObject([{ refs: refsOf({ main: c1!, topic: c1! }) }]);
    expect(first).toEqual(refsOf({ main: c0! }));
  });

  it('a commit of the user is announced at once, also while a move is out', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0!, mine: c0! });
    s.up(A);
    s.announces(A, { main: c1! });
    s.local({ main: c0!, mine: s.commit([c0!]) });
    expect(s.got('announce')).toHaveLength(1);
  });

  it('greets a peer that comes up, but not before there is something to say', () => {
    const s = new CoreScript();
    s.up(A);
    expect(s.got('greet')).toEqual([]);
    s.local({ main: s.commit() });
    s.up(B);
    expect(s.got('greet')).toEqual([{ type: 'greet', peer: B }]);
  });

  it('acknowledges again to a peer that comes back, as the first may have been lost', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0! });
    s.feed({ type: 'peer-down', peer: A });
    s.up(A);
    expect(s.got('ack')).toEqual([{ type: 'ack', peer: A, seq: 1 }]);
  });

  it('says synced once a manifest, when nothing is outstanding', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c1! });
    expect(s.every('synced')).toEqual([]);
    expect(s.core.peerState(A)).toMatchObject({ fetchedSeq: 1, syncedSeq: undefined, inSync: false });
    s.moves();
    s.local({ main: c1! });
    s.local({ main: c1!, other: c0! });
    expect(s.every('synced')).toEqual([{ type: 'synced', peer: A }]);
    expect(s.core.peerState(A)).toMatchObject({ fetchedSeq: 1, syncedSeq: 1, inSync: true });
  });
});
