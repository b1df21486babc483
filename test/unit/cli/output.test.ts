import { describe, expect, it } from 'vitest';
import { peerText } from '../../../extension/src/p2p/cli/output.ts';
import { fingerprint, somePeer } from '../../support/session-views.ts';

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
