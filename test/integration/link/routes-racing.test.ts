import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import type { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { inState, next } from '../../support/link-lab.ts';
import { onRoute, ping, RouteLab, statesOf } from '../../support/route-lab.ts';

let lab: RouteLab;
beforeEach(() => {
  lab = new RouteLab();
});
afterEach(() => lab.dispose());

describe('racing', () => {
  it('[LI2] the first tier to authenticate carries the link, and a better one that was under way takes over', async () => {
    const [a, b] = await lab.two(['tcp', 'relay']);
    const gate = deferred();
    a.tier('tcp').gate = gate.promise;
    const [atA, atB] = await lab.link(a, b);
    expect([atA.route, atB.route]).toEqual(['relay', 'relay']);
    const states = statesOf(atA);
    const moved = Promise.all([onRoute(atA, 'tcp'), onRoute(atB, 'tcp')]);
    gate.resolve();
    await moved;
    expect(await ping(atA)).toEqual({});
    // It was not dialed anew, nobody saw a second link, and nobody was without one.
    expect(a.tier('tcp').dials).toBe(1);
    expect(b.accepted).toEqual([atB]);
    expect(states).toEqual([]);
    expect(atA.moves).toBe(1);
  });

  it('[LI2] a tier that is no better is given up when another has won', async () => {
    const [a, b] = await lab.two(['tcp', 'relay', 'json']);
    const gate = deferred();
    for (const tier of ['relay', 'json'] as const) a.tier(tier).gate = gate.promise;
    const [atA] = await lab.link(a, b);
    expect(atA.route).toBe('tcp');
    gate.resolve();
    await ping(atA);
    while (a.tier('relay').pipes.size + a.tier('json').pipes.size > 0) await next(atA.onRoute);
    expect(atA.moves).toBe(0);
  });

  it('[LI2] a setting restricts and orders the tiers', async () => {
    const [a, b] = await lab.two(['tcp', 'webrtc', 'relay'], { tiers: ['relay', 'webrtc'] });
    const gate = deferred();
    a.tier('relay').gate = gate.promise;
    const [atA] = await lab.link(a, b, [...b.tier('webrtc').addresses, ...b.tier('relay').addresses]);
    expect(atA.route).toBe('webrtc');
    gate.resolve();
    await onRoute(atA, 'relay');
    const dialing = a.host.dial({ peer: b.identity.peer, addresses: [{ tier: 'tcp', value: 'memory-1' }] });
    await expect(dialing).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(dialing).rejects.toThrow('(relay, webrtc)');
    await expect(a.host.listen({ tier: 'tcp' })).rejects.toMatchObject({ reason: 'unreachable' });
    expect(a.tier('tcp').dials).toBe(0);
  });

  it('a silent address costs nothing, and what failed fast is tried again meanwhile', async () => {
    const [a, b] = await lab.two(['tcp', 'relay'], { timings: { redial: 5 } });
    a.tier('tcp').gate = new Promise(() => undefined);
    a.tier('relay').dialing = false;
    const linking = lab.link(a, b);
    while (a.tier('relay').dials < 3) await new Promise((resolve) => setImmediate(resolve));
    a.tier('relay').dialing = true;
    expect((await linking)[0].route).toBe('relay');
  });

  it.each([0, 300, 500, 700, 900])(
    'a path that dies after %i bytes, as when it is to say who we are, holds the others up for a moment only',
    async (bytes) => {
      const [a, b] = await lab.two(['tcp', 'relay'], { timings: { turn: 50 } });
      const gate = deferred();
      a.tier('relay').gate = gate.promise;
      a.tier('tcp').swallowAfter = bytes;
      const linking = lab.link(a, b);
      await a.tier('tcp').connected();
      // Long enough to be ahead.
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      gate.resolve();
      const [atA] = await linking;
      expect(atA.route).toBe('relay');
      expect(await ping(atA)).toEqual({});
    },
  );

  it('a dial that is given up at any moment says so, on either side, and harms nobody', async () => {
    for (let round = 0; round < 80; round++) {
      const timings = { handshake: 1 + (round % 40) };
      const a = await lab.person(['tcp', 'relay'], round % 2 === 0 ? { timings } : {});
      const b = await lab.person(['tcp', 'relay'], round % 2 === 1 ? { timings } : {});
      const outcome = await a.host.dial({ peer: b.identity.peer, addresses: b.addresses }).then(
        ({ state }) => state,
        (error: unknown) => (error as PeerweaveError).reason,
      );
      expect(['connected', 'reconnecting', 'unreachable', 'link-lost']).toContain(outcome);
      lab.dispose();
    }
  });

  it('strangers at all other addresses do not delay the right one', async () => {
    const [a, b] = await lab.two(['tcp', 'relay']);
    const strangers = await Promise.all(Array.from({ length: 4 }, () => lab.person(['tcp'])));
    const addresses = [...strangers.flatMap((stranger) => stranger.addresses), ...b.tier('relay').addresses];
    const [atA] = await lab.link(a, b, addresses);
    expect(atA.route).toBe('relay');
    // Their refusal of the link, which they do not know, is not its end, now or when it is looking for a way back.
    a.tier('relay').cut();
    await inState(atA, 'reconnecting');
    await inState(atA, 'connected');
    expect(atA.betterRoutes).toEqual([{ tier: 'tcp', why: 'What answered is not the other end of this link.' }]);
  });
});
