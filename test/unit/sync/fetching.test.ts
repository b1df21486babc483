import { describe, expect, it } from 'vitest';
import type { Reason } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { A, B, C, CoreScript, peerId } from './core-script.ts';

const fails = (s: CoreScript, peer: PeerId, seq: number, reason: Reason = 'link-lost'): void => {
  s.feed({ type: 'fetch-failed', peer, seq, reason });
};

/** Answers the wakes that follow at once, and returns for how long the core then wants to sleep. */
function sleeps(s: CoreScript, now: number): number | undefined {
  if (s.got('wake')[0]?.inMs === 0) s.feed({ type: 'tick', now });
  return s.got('wake')[0]?.inMs;
}

function ready(...peers: PeerId[]): { s: CoreScript; tip: (n: number) => never } {
  const s = new CoreScript();
  const line = s.line(30);
  s.local({ main: line[0]! });
  s.up(...peers);
  return { s, tip: (n) => line[n] as never };
}

describe('fetch scheduling', () => {
  it('fetches from a peer one at a time; the newest manifest wins', () => {
    const { s, tip } = ready(A);
    const first = s.manifest(A, { main: tip(1) });
    s.manifest(A, { main: tip(2) });
    const third = s.manifest(A, { main: tip(3) });
    expect(s.every('fetch').map(({ seq }) => seq)).toEqual([first]);
    s.feed({ type: 'fetched', peer: A, seq: first, refused: [] });
    expect(s.every('fetch').map(({ seq }) => seq)).toEqual([first, third]);
    expect(s.got('ack')).toEqual([{ type: 'ack', peer: A, seq: first }]);
  });

  it('fetches from three peers at a time, first come first served', () => {
    const peers = ['A', 'B', 'C', 'D', 'E'].map(peerId);
    const { s } = ready(...peers);
    const seqs = peers.map((peer, i) => s.manifest(peer, { [`topic-${i}`]: s.commit() }));
    expect(s.every('fetch').map(({ peer }) => peer)).toEqual(peers.slice(0, 3));
    fails(s, peers[1]!, seqs[1]!);
    expect(s.got('fetch').map(({ peer }) => peer)).toEqual([peers[3]]);
    s.feed({ type: 'fetched', peer: peers[0]!, seq: seqs[0]!, refused: [] });
    expect(s.got('fetch').map(({ peer }) => peer)).toEqual([peers[4]]);
  });

  it('a manifest of which everything is here needs no slot', () => {
    const peers = ['A', 'B', 'C', 'D'].map(peerId);
    const { s, tip } = ready(...peers);
    for (const peer of peers.slice(0, 3)) s.manifest(peer, { topic: s.commit() });
    s.manifest(peers[3]!, { main: tip(0) });
    expect(s.got('fetch')).toHaveLength(1);
  });

  it('commits that another fetch brings already are not carried twice, unless that takes long', () => {
    const { s, tip } = ready(A, B, C);
    const seq = s.manifest(A, { main: tip(1) });
    s.manifest(B, { main: tip(1) });
    s.manifest(C, { main: tip(1) });
    expect(s.every('fetch').map(({ peer }) => peer)).toEqual([A]);
    s.feed({ type: 'tick', now: 0 });
    s.feed({ type: 'tick', now: 2_000 });
    expect(s.got('fetch').map(({ peer }) => peer)).toEqual([B, C]);
    expect(seq).toBeGreaterThan(0);
  });

  it('and are then found here', () => {
    const { s, tip } = ready(A, B);
    const seq = s.manifest(A, { main: tip(1) });
    s.manifest(B, { main: tip(1) });
    s.feed({ type: 'fetched', peer: A, seq, refused: [] });
    expect(s.got('fetch').map(({ peer }) => peer)).toEqual([B]);
  });

  it('nothing is fetched from a peer that is not linked', () => {
    const { s, tip } = ready(A);
    s.feed({ type: 'peer-down', peer: A });
    s.manifest(A, { main: tip(1) });
    expect(s.every('fetch')).toEqual([]);
    s.up(A);
    expect(s.got('fetch')).toHaveLength(1);
  });

  it('a manifest that is not newer changes nothing', () => {
    const { s, tip } = ready(A);
    s.announces(A, { main: tip(0) });
    const seq = s.core.peerState(A)!.newestSeq!;
    for (const old of [seq, seq - 1]) {
      expect(s.feed({ type: 'manifest', peer: A, seq: old, refs: new Map() })).toEqual([]);
    }
  });

  it('an answer to no question changes nothing', () => {
    const { s, tip } = ready(A);
    const seq = s.manifest(A, { main: tip(1) });
    expect(s.feed({ type: 'fetched', peer: B, seq, refused: [] })).toEqual([]);
    expect(s.feed({ type: 'fetched', peer: A, seq: seq + 1, refused: [] })).toEqual([]);
    expect(s.feed({ type: 'fetch-failed', peer: A, seq: seq + 1, reason: 'timeout' })).toEqual([]);
  });
});

describe('[SY10] a fetch that failed', () => {
  it('[SY10] is retried after 250 ms, doubling up to 30 s', () => {
    const { s, tip } = ready(A);
    const seq = s.manifest(A, { main: tip(1) });
    const delays: (number | undefined)[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      fails(s, A, seq);
      const delay = sleeps(s, now);
      delays.push(delay);
      now += (delay ?? 0) - 1;
      s.feed({ type: 'tick', now });
      expect(s.got('fetch')).toEqual([]);
      now += 1;
      s.feed({ type: 'tick', now });
      expect(s.got('fetch')).toHaveLength(1);
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('[SY10] is spread by the jitter that is passed in', () => {
    const s = new CoreScript({ jitter: (peer, failures) => (peer === A && failures === 1 ? 0.5 : 0) });
    s.local({ main: s.commit() });
    s.up(A);
    fails(s, A, s.manifest(A, { main: s.commit() }));
    expect(sleeps(s, 10)).toBe(188);
  });

  it.each(['pack-rejected', 'pack-too-large', 'ref-name-rejected', 'cancelled'] as const)(
    '[SY10] with %s waits for a new manifest or a person',
    (reason) => {
      const { s, tip } = ready(A);
      const seq = s.manifest(A, { main: tip(1) });
      fails(s, A, seq, reason);
      expect(s.got('wake')).toEqual([]);
      expect(s.core.peerState(A)?.error).toEqual({ reason, failures: 1, retrying: false });
      s.feed({ type: 'sync-now' });
      expect(s.got('fetch')).toHaveLength(1);
      fails(s, A, seq, reason);
      s.manifest(A, { main: tip(2) });
      expect(s.got('fetch')).toHaveLength(1);
    },
  );

  it('[SY10] starts afresh after success, and when the peer comes back', () => {
    const { s, tip } = ready(A);
    const seq = s.manifest(A, { main: tip(1) });
    fails(s, A, seq);
    expect(s.core.peerState(A)?.error).toEqual({ reason: 'link-lost', failures: 1, retrying: true });
    s.feed({ type: 'peer-down', peer: A });
    s.up(A);
    expect(s.got('fetch')).toHaveLength(1);
    expect(s.core.peerState(A)?.error).toBeUndefined();
    fails(s, A, seq);
    expect(sleeps(s, 0)).toBe(250);
  });

  it('[SY10] does not make a newer manifest wait', () => {
    const { s, tip } = ready(A);
    const seq = s.manifest(A, { main: tip(1) });
    const newer = s.manifest(A, { main: tip(2) });
    fails(s, A, seq);
    expect(s.got('fetch')).toMatchObject([{ seq: newer }]);
  });
});
