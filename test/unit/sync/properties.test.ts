import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { A, B, C } from './core-script.ts';
import { playRandomly, randomStory } from './random-story.ts';

describe('whatever is announced', () => {
  it('[SY5] a branch never moves but forward', () => {
    fc.assert(
      fc.property(randomStory, (story) => {
        playRandomly(story, (s, from, to) => {
          if (from !== null) expect(s.graph.contains(to, from)).toBe(true);
          expect(to).not.toBe(from);
        });
      }),
    );
  });

  it('[SY1] the same manifest, and the same refs, say nothing new the second time', () => {
    fc.assert(
      fc.property(randomStory, (story) => {
        const s = playRandomly(story);
        for (const peer of [A, B, C]) {
          const seq = s.core.peerState(peer)?.newestSeq;
          if (seq !== undefined) expect(s.feed({ type: 'manifest', peer, seq, refs: new Map() })).toEqual([]);
        }
        const refs = s.every('announce').at(-1)!.refs;
        const head = s.every('announce').at(-1)!.head;
        s.feed({ type: 'local-refs', refs, head });
        expect(s.feed({ type: 'local-refs', refs, head })).toEqual([]);
      }),
    );
  });

  it('[SY4] everything is planned to the end, and no branch is left where it could go forward', () => {
    fc.assert(
      fc.property(randomStory, (story) => {
        const s = playRandomly(story);
        const standings = s.core.branches().flatMap(({ peers }) => peers.map(({ standing }) => standing));
        expect(standings).not.toContain('unknown');
        expect(standings).not.toContain('fast-forward');
      }),
    );
  });

  it('[SY4] the same events give the same effects', () => {
    fc.assert(
      fc.property(randomStory, (story) => {
        expect(playRandomly(story).all).toEqual(playRandomly(story).all);
      }),
      { numRuns: 30 },
    );
  });
});
