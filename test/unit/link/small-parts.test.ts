import { describe, expect, it } from 'vitest';
import { newerSurvives, type GlareFacts } from '../../../extension/src/p2p/link/glare.ts';
import { decodeHello, encodeHello, requireCompatible } from '../../../extension/src/p2p/link/hello.ts';
import { decodeMessage, encodeError } from '../../../extension/src/p2p/link/json-rpc.ts';
import { KeepAlive } from '../../../extension/src/p2p/link/keep-alive.ts';
import { peerText } from '../../../extension/src/shared/peer-text.ts';
import { RateLimit } from '../../../extension/src/shared/rate-limit.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';

describe('rate limit', () => {
  it('allows a burst, then the average', () => {
    let now = 0;
    const limit = new RateLimit(10, 3, () => now);
    expect([limit.take(), limit.take(), limit.take(), limit.take()]).toEqual([true, true, true, false]);
    now += 100;
    expect([limit.take(), limit.take()]).toEqual([true, false]);
    now += 3_600_000;
    expect([limit.take(), limit.take(), limit.take(), limit.take()]).toEqual([true, true, true, false]);
  });
});

describe('keep-alive [LI9]', () => {
  interface Signs {
    readonly answers?: (now: number) => number;
    readonly unconfirmed?: number;
    readonly wake?: number;
  }
  const silentAfter = (
    heard: (now: number) => number,
    ticks: number,
    { answers = heard, unconfirmed = 0, wake }: Signs = {},
  ): number | undefined => {
    const keepAlive = new KeepAlive(5_000, 20_000, 0);
    let now = 0;
    for (let tick = 0; tick < ticks; tick++) {
      now += 5_000;
      if (tick === wake) now += 8 * 3_600_000;
      const signs = { heard: heard(now), answers: answers(now), unconfirmed };
      if (keepAlive.tick(now, signs)) return now;
    }
    return undefined;
  };

  it('finds a silent peer within 30 s', () => expect(silentAfter(() => 0, 100)).toBeLessThanOrEqual(30_000));
  it('trusts a peer that says anything at all', () => expect(silentAfter((now) => now, 1_000)).toBeUndefined());
  it('counts from the last sign of life', () =>
    expect(silentAfter((now) => Math.min(now, 60_000), 100)).toBeLessThanOrEqual(90_000));
  it('finds a path that works in one direction only', () => {
    expect(silentAfter((now) => now / 500, 100, { answers: () => 0 })).toBeLessThanOrEqual(30_000);
    // It had worked before.
    const answers = (now: number): number => Math.min(now, 60_000);
    expect(silentAfter((now) => now / 500, 100, { answers })).toBeLessThanOrEqual(90_000);
  });
  it('waits for an answer that may be behind a transfer, either way', () => {
    expect(silentAfter((now) => now * 20, 1_000, { answers: () => 0 })).toBeUndefined();
    expect(silentAfter((now) => now / 500, 1_000, { answers: () => 0, unconfirmed: 100_000 })).toBeUndefined();
  });
  it('does not take its own sleep for silence', () => {
    // Asleep just before the verdict: hours later the peer still has all its time.
    const found = silentAfter(() => 0, 100, { wake: 3 });
    expect(found).toBeGreaterThanOrEqual(8 * 3_600_000 + 20_000 + 20_000);
  });
});

describe('glare [LI5]', () => {
  const [low, high] = ['SHA256:A', 'SHA256:B'] as PeerId[] as [PeerId, PeerId];
  /** A link from `dialer`, as each end sees it. */
  const link = (dialer: PeerId, dial: number, instances = { [low]: 'l', [high]: 'h' }): [GlareFacts, GlareFacts] => [
    { self: low, peer: high, dialer: dialer === low, dial, remote: { instance: instances[high] ?? '' } },
    { self: high, peer: low, dialer: dialer === high, dial, remote: { instance: instances[low] ?? '' } },
  ];

  it.each([
    ['dialed by both', link(low, 1), link(high, 9), 'first'],
    ['dialed by both, the other way', link(high, 9), link(low, 1), 'second'],
    ['dialed twice by the lower', link(low, 1), link(low, 2), 'second'],
    ['dialed twice by the higher', link(high, 4), link(high, 5), 'second'],
  ] as const)('is settled alike on both ends, in any order: %s', (_, first, second, winner) => {
    for (const end of [0, 1] as const) {
      expect(newerSurvives(first[end], second[end]) ? 'second' : 'first').toBe(winner);
      expect(newerSurvives(second[end], first[end]) ? 'first' : 'second').toBe(winner);
    }
  });

  it('prefers the peer that is there to the run of it that is gone', () => {
    const [stale] = link(low, 7);
    const [fresh] = link(high, 1, { [low]: 'l', [high]: 'restarted' });
    expect(newerSurvives(stale, fresh)).toBe(true);
  });
});

describe('hello [LI6]', () => {
  const hello = { protocol: 1, software: 'peerweave/1', instance: 'x', dial: 0, capabilities: ['a'] };

  it('reads what it writes, and ignores what it does not know', () => {
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
    expect(decodeHello(Buffer.from(JSON.stringify({ ...hello, later: true })))).toEqual(hello);
  });

  it.each([
    '',
    '{}',
    'null',
    '[]',
    JSON.stringify({ ...hello, protocol: '1' }),
    JSON.stringify({ ...hello, capabilities: Array(65).fill('x') }),
  ])('refuses %j', (text) =>
    expect(() => decodeHello(Buffer.from(text))).toThrow(expect.objectContaining({ reason: 'protocol-violation' })),
  );

  it('names both versions and who has to update', () => {
    const newer = { ...hello, protocol: 2, software: 'peerweave/2\u001b[31m' };
    expect(() => requireCompatible(hello, hello)).not.toThrow();
    expect(() => requireCompatible(hello, newer)).toThrow(/protocol 1 \(peerweave\/1\).* 2 \(peerweave\/2.*\).*here/);
    expect(() => requireCompatible(newer, hello)).toThrow(/on the other side/);
  });
});

describe('JSON-RPC', () => {
  it('brings an error back with its reason', () => {
    const frame = encodeError(3, new PeerweaveError('join-refused', 'No.'));
    expect(decodeMessage(frame)).toMatchObject({
      kind: 'error',
      id: 3,
      error: { reason: 'join-refused', message: 'No.' },
    });
  });

  it('takes a reason that it does not know for an internal one', () => {
    const frame = Buffer.from(
      JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x', data: { reason: 'made-up' } } }),
    );
    expect(decodeMessage(frame)).toMatchObject({ error: { reason: 'internal' } });
  });

  it.each([
    '',
    '{',
    '[]',
    '[{"jsonrpc":"2.0","method":"ping"}]',
    '{"jsonrpc":"1.0","method":"x"}',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","id":-1,"method":"x"}',
    `{"jsonrpc":"2.0","method":"${'x'.repeat(65)}"}`,
  ])('refuses %j [LI8]', (text) =>
    expect(() => decodeMessage(Buffer.from(text))).toThrow(expect.objectContaining({ reason: 'protocol-violation' })),
  );
});

describe('peer text', () => {
  it('is one line without direction tricks, of limited length', () => {
    expect(peerText('a\nb\u202egpj.exe\u0000\u001b[2J')).toBe('a b gpj.exe [2J');
    expect(peerText('x'.repeat(1000))).toHaveLength(301);
  });
});
