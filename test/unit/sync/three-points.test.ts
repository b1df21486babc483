import { describe, expect, it } from 'vitest';
import { A, B, branch, CoreScript } from './core-script.ts';

describe('[SY4] each branch is planned from base, local and remote', () => {
  it('[SY4] equal tips need nothing and become the base', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0! });
    expect(s.with(A)).toMatchObject({ standing: 'equal', base: c0 });
    expect(s.every('move')).toEqual([]);
  });

  it('[SY4] a remote that is ahead is fast-forwarded to, and becomes the base', () => {
    const s = new CoreScript();
    const [c0, c1, c2] = s.line(3);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c2! });
    expect(s.with(A)).toMatchObject({ standing: 'fast-forward', ahead: 0, behind: 2 });
    expect(s.got('move')).toEqual([{ type: 'move', branch: 'main', from: c0, to: c2, peer: A, reviewed: false }]);
    s.moves();
    expect(s.with(A)).toMatchObject({ standing: 'equal', base: c2 });
    expect(c1).toBeDefined();
  });

  it('[SY4] a remote that is behind is left to catch up', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c1! });
    s.up(A);
    s.announces(A, { main: c0! });
    expect(s.with(A)).toMatchObject({ standing: 'remote-behind', ahead: 1, behind: 0 });
    expect(s.every('move')).toEqual([]);
  });

  it('[SY4] a branch that only the peer has, and that never was here, is created', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0!, topic: c1! });
    expect(s.got('move')).toEqual([{ type: 'move', branch: 'topic', from: null, to: c1, peer: A, reviewed: false }]);
  });

  it('[SY4] a branch that only we have is the peer’s to create', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0!, topic: c1! });
    s.up(A);
    s.announces(A, { main: c0! });
    expect(s.standing(A, 'topic')).toBe('remote-behind');
  });

  it('[SY4] a branch that was made before the peer’s first manifest is planned with it too', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ topic: c0! });
    s.up(A);
    s.announces(A, {});
    expect(s.standing(A, 'topic')).toBe('remote-behind');
  });

  it('[SY4] nothing is planned from a manifest whose objects are not here yet', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.manifest(A, { main: c1! });
    expect(s.standing(A)).toBeUndefined();
    expect(s.every('relate')).toEqual([]);
  });

  it('[SY2] a refused ref is not planned, and the manifest is not acknowledged', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0!, 'NUL.txt': c1! }, ['refs/heads/NUL.txt' as never]);
    expect(s.state('NUL.txt')).toBeUndefined();
    expect(s.got('ack')).toEqual([]);
    expect(s.core.peerState(A)).toMatchObject({ inSync: true, refused: ['refs/heads/NUL.txt'] });
  });

  it('[SY9] diverged with the same tree is no conflict', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    const [ours, theirs] = [s.commit([c0!], 7), s.commit([c0!], 7)];
    s.local({ main: ours });
    s.up(A);
    s.announces(A, { main: theirs });
    expect(s.standing(A)).toBe('same-tree');
    expect(s.state()?.conflict).toBeUndefined();
    expect(s.every('move')).toEqual([]);
  });

  it('[SY4] a peer that is forgotten leaves nothing behind', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A, B);
    s.announces(A, { main: c0!, topic: c1! });
    s.refuses('pending');
    s.feed({ type: 'peer-gone', peer: A });
    expect(s.core.branches().map((state) => state.branch)).toEqual(['main']);
    expect(s.state()?.peers).toEqual([]);
    expect(s.core.peerState(A)).toBeUndefined();
    expect(s.core.persisted().peers.map(({ peer }) => peer)).toEqual([B]);
    expect(branch('main')).toBe(s.state()?.branch);
  });
});
