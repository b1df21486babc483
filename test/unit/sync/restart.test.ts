import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePersistedSync } from '../../../extension/src/p2p/sync/persisted.ts';
import { A, B, CoreScript } from './core-script.ts';
import { playRandomly, randomStory } from './random-story.ts';

describe('[SE9] restart', () => {
  it('[SE9] nothing is planned before the refs were seen, whatever was saved', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c1! });
    s.restart();
    s.up(A);
    s.announces(A, { main: s.commit([c1!]) });
    expect([...s.got('move'), ...s.got('announce'), ...s.got('synced')]).toEqual([]);
    expect(s.core.branches()).toEqual([]);
    s.local({ main: c0! });
    expect(s.got('move')).toHaveLength(1);
  });

  it('[SE9] the peers’ tips, bases and conflicts are there again before anyone is linked', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    const ours = s.commit([c0!]);
    s.local({ main: c0!, topic: c0!, gone: c0! });
    s.up(A, B);
    s.announces(A, { main: c0!, topic: c0!, gone: c0! });
    s.announces(B, { main: c1! });
    s.refuses('pending');
    s.local({ main: ours, topic: c1!, gone: c0! });
    s.announces(A, { main: c0!, topic: c0! });
    const before = s.core.branches();
    s.restart();
    s.local({ main: ours, topic: c1!, gone: c0! });
    expect(s.core.branches()).toEqual(before);
    expect(s.state()?.conflict).toHaveLength(2);
    expect(s.standing(A, 'gone')).toBe('deleted-there');
    s.up(A);
    expect(s.got('ack')).toEqual([{ type: 'ack', peer: A, seq: 3 }]);
    // The base of a peer that is merely behind is not forgotten either.
    s.announces(A, { main: c0! });
    expect(s.standing(A, 'topic')).toBe('deleted-there');
  });

  it('[SE9] a restart at any point changes nothing that is shown', () => {
    fc.assert(
      fc.property(randomStory, (story) => {
        const s = playRandomly(story);
        const before = s.core.branches();
        const local = s.every('announce').at(-1)?.refs;
        if (local === undefined) return;
        s.restart();
        s.feed({ type: 'local-refs', refs: local, head: undefined });
        expect(s.core.branches()).toEqual(before);
      }),
    );
  });
});

describe('what is read back from disk is decoded', () => {
  it('gives back what was saved', () => {
    const s = playRandomly([]);
    s.local({ __proto__x: s.commit(), 'tag:v1': s.commit() });
    const saved = s.core.persisted();
    expect(decodePersistedSync(JSON.parse(JSON.stringify(saved)))).toEqual(saved);
  });

  it.each([
    undefined,
    null,
    [],
    {},
    { version: 2, local: [], deleted: [], left: [], peers: [] },
    { version: 1, local: [['refs/notes/x', '0'.repeat(40)]], deleted: [], left: [], peers: [] },
    { version: 1, local: [['refs/heads/x', 'nonsense']], deleted: [], left: [], peers: [] },
    { version: 1, local: [], deleted: [], left: [], peers: [{ peer: 'me', refused: [], bases: [] }] },
  ])('refuses %j', (value) => {
    expect(decodePersistedSync(value)).toBeUndefined();
  });
});
