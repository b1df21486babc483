import { describe, expect, it } from 'vitest';
import { peerText, sessionText } from '../../../extension/src/p2p/cli/output.ts';
import { fingerprint, someConflict, somePeer, someSession } from '../../support/session-views.ts';

describe('a peer on a terminal', () => {
  it('is told of with route, round trip and branch', () => {
    const peer = somePeer({ route: 'tcp', rttMs: 1.26, branch: 'main' });
    expect(peerText(peer)).toBe(`  Bea: online, tcp, 1.3 ms, on main, in sync  ${fingerprint('b')}`);
    expect(peerText(somePeer({ inSync: false }))).toContain('online, not in sync yet');
  });

  it('[CO1] is not in sync where branches diverged', () => {
    expect(peerText(somePeer({ diverged: 2 }))).toContain('online, 2 branches diverged, the rest in sync  ');
  });
});

describe('a session on a terminal', () => {
  it('says how many conflicts there are besides those that are listed', () => {
    const session = someSession({
      conflicts: [someConflict()],
      moreConflicts: { all: 137, diverged: 100, toSettle: 90 },
    });
    expect(sessionText(session).split('\n').slice(1)).toEqual([
      '  main has diverged: Bea went another way',
      '  and 137 more: settle some of these first',
    ]);
  });
});
