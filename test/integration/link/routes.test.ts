import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecStream, Link } from '../../../extension/src/p2p/link/link.ts';
import {
  KIND_BECKON,
  KIND_RESUME,
  MAC_BYTES,
  NONCE_BYTES,
  preface,
  PREFACE_BYTES,
  resumeSecret,
} from '../../../extension/src/p2p/link/resume-wire.ts';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import { closed, inState, next } from '../../support/link-lab.ts';
import { onRoute, RouteLab, type Traveller } from '../../support/route-lab.ts';

let lab: RouteLab;
beforeEach(() => {
  lab = new RouteLab();
});
afterEach(() => lab.dispose());

/** Two people on the tiers, both ways. */
async function two(...args: Parameters<RouteLab['person']>): Promise<[Traveller, Traveller]> {
  return [await lab.person(...args), await lab.person(...args)];
}

const ping = (link: Link): Promise<object> => link.control.request('ping', {});

/** The states that a link goes through from now on. */
function statesOf(link: Link): string[] {
  const states: string[] = [];
  link.onState((state) => states.push(state));
  return states;
}

describe('racing', () => {
  it('[LI2] the first tier to authenticate carries the link, and a better one that was under way takes over', async () => {
    const [a, b] = await two(['tcp', 'relay']);
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
    const [a, b] = await two(['tcp', 'relay', 'json']);
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
    const [a, b] = await two(['tcp', 'webrtc', 'relay'], { tiers: ['relay', 'webrtc'] });
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
    const [a, b] = await two(['tcp', 'relay'], { timings: { redial: 5 } });
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
      const [a, b] = await two(['tcp', 'relay'], { timings: { turn: 50 } });
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
    const [a, b] = await two(['tcp', 'relay']);
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

describe('upgrade', () => {
  it('[LI3] to an address that becomes known later, and tells why not before', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const [atA, atB] = await lab.link(a, b, b.tier('relay').addresses);
    await ping(atA);
    expect(atA.betterRoutes).toEqual([{ tier: 'tcp', why: 'No address of the peer is known.' }]);
    const refused = { tier: 'tcp', value: 'nobody' } as const;
    atA.updateAddresses([...b.tier('relay').addresses, refused]);
    while (!atA.betterRoutes.some(({ why }) => why === 'Nobody listens at nobody.')) await ping(atA);
    // Nobody told the other side where we may be found.
    expect(atB.betterRoutes).toEqual([{ tier: 'tcp', why: 'No address of the peer is known.' }]);
    const moved = Promise.all([onRoute(atA, 'tcp'), onRoute(atB, 'tcp')]);
    const heard: string[] = [];
    atA.onRoute((route) => heard.push(route));
    atA.updateAddresses(b.addresses);
    await moved;
    expect(heard).toEqual(['tcp']);
    expect(atA.betterRoutes).toEqual([]);
    expect(atA.remoteAddress).toBe(`tcp:${b.tier('tcp').addresses[0]!.value}`);
  });

  it('from TURN to a direct path, not from one direct path to another', async () => {
    const [a, b] = await two(['webrtc']);
    a.tier('webrtc').route = 'webrtc-turn';
    const [atA] = await lab.link(a, b);
    expect(atA.route).toBe('webrtc-turn');
    while (a.tier('webrtc').dials < 3) await ping(atA);
    expect(atA.betterRoutes).toEqual([{ tier: 'webrtc', why: 'There is no direct path, only one by a TURN server.' }]);
    expect(atA.moves).toBe(0);
    a.tier('webrtc').route = 'webrtc';
    await onRoute(atA, 'webrtc');
    const { dials } = a.tier('webrtc');
    atA.updateAddresses([...b.addresses, { tier: 'webrtc', value: 'nobody' }]);
    await ping(atA);
    expect(a.tier('webrtc').dials).toBe(dials);
    expect(atA.betterRoutes).toEqual([]);
  });

  it('a transport that finds a direct path by itself is told of at once, and nothing better is searched for any more', async () => {
    const [a, b] = await two(['webrtc', 'relay']);
    a.tier('webrtc').route = 'webrtc-turn';
    const [atA] = await lab.link(a, b);
    await onRoute(atA, 'webrtc-turn');
    while (atA.betterRoutes.length === 0) await ping(atA);
    const [{ sent }, heard] = [atA.traffic.get('webrtc-turn')!, next(atA.onRoute)];
    a.tier('webrtc').reroute('webrtc');
    expect([await heard, atA.route, atA.betterRoutes]).toEqual(['webrtc', 'webrtc', []]);
    const { dials } = a.tier('webrtc');
    await ping(atA);
    await ping(atA);
    expect(a.tier('webrtc').dials).toBe(dials);
    expect([atA.traffic.get('webrtc-turn')!.sent, atA.traffic.get('webrtc')!.sent > 0]).toEqual([sent, true]);
    // One that was given up meanwhile says nothing any more.
    const { moves } = atA;
    a.tier('webrtc').dialing = false;
    a.tier('webrtc').cut();
    await onRoute(atA, 'relay');
    a.tier('webrtc').reroute('webrtc-turn');
    expect([atA.route, atA.moves]).toEqual(['relay', moves + 1]);
  });

  it('[LI3] a peer that agrees to come and then does not interrupts nothing', async () => {
    const [a, b] = await two(['tcp', 'relay'], { timings: { move: 60 } });
    // The request passes (37 bytes), and what follows the peer's answer does not.
    a.tier('tcp').swallowAfter = 40;
    a.tier('tcp').dialing = false;
    const [atA, atB] = await lab.link(a, b);
    const states = [statesOf(atA), statesOf(atB)];
    const stream = await flood(atA, atB);
    a.tier('tcp').dialing = true;
    while (!atA.betterRoutes.some(({ why }) => why.includes('Moving the link took longer'))) await once(stream, 'data');
    expect([atA.route, atB.route, atA.moves, atB.moves]).toEqual(['relay', 'relay', 0, 0]);
    expect(states).toEqual([[], []]);
    stream.destroy();
  });

  it('[LI3] a path that dies when the peer has come costs a reconnect, and no byte', async () => {
    const [a, b] = await two(['tcp', 'relay'], { timings: { move: 60 } });
    // Nothing comes back after the answer to the request: 1 + 1 + 16 + 32 bytes.
    b.tier('tcp').swallowAfter = 50;
    a.tier('tcp').dialing = false;
    const [atA, atB] = await lab.link(a, b);
    const answer = ping(atA);
    a.tier('tcp').dialing = true;
    await inState(atB, 'reconnecting');
    b.tier('tcp').swallowAfter = undefined;
    await Promise.all([onRoute(atA, 'tcp'), onRoute(atB, 'tcp')]);
    expect(await answer).toEqual({});
  });

  it('[LI4] the peer’s other run at a better address does not end a link that stands', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const other = await lab.person(['tcp'], { identity: b.identity });
    const [atA] = await lab.link(a, b, b.tier('relay').addresses);
    atA.updateAddresses([...b.tier('relay').addresses, ...other.addresses]);
    while (!atA.betterRoutes.some(({ why }) => why.includes('does not know this link'))) await ping(atA);
    expect([atA.state, atA.moves]).toEqual(['connected', 0]);
  });

  it('is given up when the link closes', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const gate = deferred();
    a.tier('tcp').gate = gate.promise;
    const [atA, atB] = await lab.link(a, b);
    const ends = Promise.all([closed(atA), closed(atB)]);
    await atA.close(new PeerweaveError('peer-left', 'Bye.'));
    gate.resolve();
    expect((await ends).map(({ reason }) => reason)).toEqual(['peer-left', 'peer-left']);
    while (a.tier('tcp').pipes.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(b.accepted).toHaveLength(1);
  });
});

describe('upgrade from the other side', () => {
  it('[LI3] where only the acceptor can reach the dialer, it brings the transport', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    a.tier('tcp').dialing = false;
    const [atA, atB] = await lab.link(a, b);
    const states = [statesOf(atA), statesOf(atB)];
    const stream = await flood(atA, atB);
    stream.resume();
    const moved = Promise.all([onRoute(atA, 'tcp'), onRoute(atB, 'tcp')]);
    atB.updateAddresses(a.addresses);
    await moved;
    expect(await ping(atA)).toEqual({});
    expect([atA.moves, atB.moves, states]).toEqual([1, 1, [[], []]]);
    // The relay can be had from either side; the dialer sees to that.
    expect(b.tier('relay').dials).toBe(0);
    stream.destroy();
  });

  it('is for the dialer to decide', async () => {
    const timings = { stable: 60_000, firstRest: 60_000, lastRest: 60_000 };
    const [a, b] = [await lab.person(['tcp', 'relay'], { timings }), await lab.person(['tcp', 'relay'])];
    const [atA, atB] = await lab.link(a, b);
    await onRoute(atA, 'tcp');
    a.tier('tcp').forbid();
    await Promise.all([onRoute(atA, 'relay'), onRoute(atB, 'relay')]);
    atB.updateAddresses(a.addresses);
    while (!atB.betterRoutes.some(({ why }) => why.includes('did not want'))) await ping(atA);
    expect([atA.route, atB.route]).toEqual(['relay', 'relay']);
  });

  it('[LI3] cannot be had by a stranger who knows the name of the link', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    a.tier('tcp').dialing = false;
    const [atA] = await lab.link(a, b);
    const stranger = await lab.person(['tcp']);
    const { stream } = await stranger.tier('tcp').dial(a.tier('tcp').addresses[0]!);
    stream.write(Buffer.concat([preface(KIND_BECKON), resumeSecret(atA.sessionBinding).linkId]));
    const [asked] = (await once(stream, 'data')) as [Buffer];
    expect(asked.subarray(0, PREFACE_BYTES)).toEqual(preface(KIND_RESUME));
    stream.write(Buffer.concat([Buffer.from('Y'), Buffer.alloc(1 + NONCE_BYTES + MAC_BYTES)]));
    await new Promise((resolve) => stream.once('close', resolve));
    expect([atA.route, atA.moves, await ping(atA)]).toEqual(['relay', 0, {}]);
  });
});

describe('downgrade', () => {
  it('[LI4] to whatever answers first when the transport dies, and back when it can', async () => {
    const [a, b] = await two(['tcp', 'relay', 'json']);
    const [atA, atB] = await lab.link(a, b, b.tier('tcp').addresses);
    atA.updateAddresses(b.addresses);
    a.tier('relay').dialing = false;
    a.tier('tcp').forbid();
    await Promise.all([onRoute(atA, 'json'), onRoute(atB, 'json')]);
    a.tier('relay').dialing = true;
    await onRoute(atA, 'relay');
    a.tier('tcp').dialing = true;
    await onRoute(atA, 'tcp');
    expect(await ping(atB)).toEqual({});
    expect([...atA.traffic.keys()].sort()).toEqual(['json', 'relay', 'tcp']);
    const sum = [...atA.traffic.values()].reduce((total, { sent }) => total + sent, 0);
    expect(sum).toBe(atA.bytesSent);
  });

  it('[LI4] waits for a silent address no longer than for the others', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const [atA] = await lab.link(a, b);
    a.tier('tcp').gate = new Promise(() => undefined);
    a.tier('relay').dialing = false;
    a.tier('tcp').cut();
    a.tier('relay').cut();
    await inState(atA, 'reconnecting');
    const { dials } = a.tier('relay');
    while (a.tier('relay').dials < dials + 3) await new Promise((resolve) => setImmediate(resolve));
    a.tier('relay').dialing = true;
    await onRoute(atA, 'relay');
  });

  it('[LI4] an upgrade that was under way may be what brings the link back', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const gate = deferred();
    a.tier('tcp').gate = gate.promise;
    const [atA] = await lab.link(a, b);
    a.tier('relay').forbid();
    await inState(atA, 'reconnecting');
    gate.resolve();
    await onRoute(atA, 'tcp');
    expect(await ping(atA)).toEqual({});
  });

  it('[LI4] ends the link when the peer itself says that it does not know it, whatever else is silent', async () => {
    const [a, b] = await two(['tcp', 'relay']);
    const [atA] = await lab.link(a, b);
    await onRoute(atA, 'tcp');
    const again = await lab.person(['tcp'], { identity: b.identity });
    a.tier('relay').gate = new Promise(() => undefined);
    atA.updateAddresses([...b.tier('relay').addresses, ...again.addresses]);
    const end = closed(atA);
    a.tier('tcp').cut();
    expect(await end).toMatchObject({ reason: 'link-lost', message: expect.stringContaining('restarted') as string });
  });

  it('a route that drops again and again does not drag the link along', async () => {
    const timings = { stable: 60_000, firstRest: 60_000, lastRest: 60_000, headStart: 60_000 };
    const [a, b] = await two(['tcp', 'relay'], { timings });
    const [atA, atB] = await lab.link(a, b, b.tier('tcp').addresses);
    atA.updateAddresses(b.addresses);
    const gate = deferred();
    a.tier('relay').gate = gate.promise;
    a.tier('tcp').cut();
    // tcp answers faster, and has to rest; the other takes the link.
    while (a.tier('tcp').dials < 2) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all([onRoute(atA, 'relay'), onRoute(atB, 'relay')]);
    for (let look = 0; look < 20; look++) await ping(atA);
    expect(atA.moves).toBe(1);
    expect(atA.betterRoutes).toEqual([
      { tier: 'tcp', why: 'It dropped soon after it was taken, and rests for a while.' },
    ]);
    // Without another it is as good as any.
    a.tier('relay').forbid();
    await onRoute(atA, 'tcp');
    expect(await ping(atA)).toEqual({});
  });
});

describe('coming back from the other side [LI4]', () => {
  it('where only the acceptor can reach the dialer, it brings the link back', async () => {
    const [a, b] = await two(['tcp']);
    const [atA, atB] = await lab.link(a, b);
    atB.updateAddresses(a.addresses);
    const back = Promise.all([inState(atA, 'reconnecting'), inState(atB, 'reconnecting')]).then(() =>
      Promise.all([inState(atA, 'connected'), inState(atB, 'connected')]),
    );
    a.tier('tcp').forbid();
    await back;
    expect(await ping(atA)).toEqual({});
    expect(b.tier('tcp').dials).toBeGreaterThan(0);
  });

  it('although the dialer has not noticed yet that the path is dead', async () => {
    const a = await lab.person(['tcp']);
    const b = await lab.person(['tcp'], { timings: { keepAlive: 10, silence: 60 } });
    const [atA, atB] = await lab.link(a, b);
    atB.updateAddresses(a.addresses);
    a.tier('tcp').dialing = false;
    const answer = ping(atA);
    a.tier('tcp').quarantine();
    await inState(atB, 'reconnecting');
    await inState(atB, 'connected');
    expect(await answer).toEqual({});
    expect([atA.state, atA.moves]).toEqual(['connected', 1]);
  });

  it('a resting route gives others their start there too', async () => {
    const timings = { stable: 60_000, firstRest: 60_000, lastRest: 60_000, headStart: 60_000 };
    const [a, b] = await two(['tcp', 'relay'], { timings });
    const [atA, atB] = await lab.link(a, b, b.tier('tcp').addresses);
    atA.updateAddresses(b.addresses);
    atB.updateAddresses(a.addresses);
    const gate = deferred();
    a.tier('relay').gate = gate.promise;
    a.tier('tcp').forbid();
    while (b.tier('tcp').dials < 1) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(atA.state).toBe('reconnecting');
    gate.resolve();
    await Promise.all([onRoute(atA, 'relay'), onRoute(atB, 'relay')]);
  });
});

describe('doubt', () => {
  it('[LI9] a network change finds a path that died without a word, long before the keep-alive', async () => {
    const [a, b] = await two(['tcp', 'relay'], { timings: { probe: 40 } });
    const [atA, atB] = await lab.link(a, b);
    await onRoute(atA, 'tcp');
    for (const person of [a, b]) person.tier('tcp').silence();
    a.tier('tcp').dialing = false;
    a.host.networkChanged();
    await onRoute(atA, 'relay');
    await onRoute(atB, 'relay');
    expect(await ping(atA)).toEqual({});
  });

  it('[LI9] a peer that is said to have moved is felt for at once: who accepted a link cannot come by itself', async () => {
    const [a, b] = await two(['tcp', 'relay'], { timings: { probe: 40, silence: 3_600_000 } });
    const [atA, atB] = await lab.link(a, b);
    await onRoute(atA, 'tcp');
    for (const person of [a, b]) person.tier('tcp').silence();
    a.tier('tcp').dialing = false;
    // Another address beside those known is no reason for doubt, that one is missing is.
    atA.updateAddresses([...b.addresses, { tier: 'tcp', value: 'elsewhere' }]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(atA.state).toBe('connected');
    atA.updateAddresses([...b.tier('relay').addresses, { tier: 'tcp', value: 'elsewhere' }]);
    await onRoute(atA, 'relay');
    await onRoute(atB, 'relay');
    expect(await ping(atA)).toEqual({});
  });

  it('[LI9] a network change leaves a path alone that answers', async () => {
    const [a, b] = await two(['tcp'], { timings: { probe: 40 } });
    const [atA, atB] = await lab.link(a, b);
    const states = [statesOf(atA), statesOf(atB)];
    for (let round = 0; round < 5; round++) {
      a.host.networkChanged();
      b.host.networkChanged();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await ping(atA)).toEqual({});
    }
    expect(states).toEqual([[], []]);
  });

  it('[LI9] a path that works in one direction only is left', async () => {
    const a = await lab.person(['tcp', 'relay'], { timings: { keepAlive: 10, silence: 80 } });
    // The peer is still heard: it asks for signs of life, and has more patience than we.
    const b = await lab.person(['tcp', 'relay'], { timings: { keepAlive: 5 } });
    const [atA, atB] = await lab.link(a, b);
    await onRoute(atA, 'tcp');
    a.tier('tcp').dialing = false;
    a.tier('tcp').silence();
    const answer = ping(atB);
    await onRoute(atA, 'relay');
    expect(await answer).toEqual({});
  });

  it('an outage costs no more to send again than was under way [LI7]', async () => {
    const [a, b] = await two(['relay']);
    const [atA, atB] = await lab.link(a, b);
    const stream = await flood(atA, atB);
    let read = 0;
    const counted = (async () => {
      for await (const data of stream) if ((read += (data as Buffer).length) > 30_000_000) return;
    })();
    while (read < 10_000_000) await new Promise((resolve) => setImmediate(resolve));
    a.tier('relay').forbid();
    await Promise.all([inState(atA, 'reconnecting'), inState(atB, 'reconnecting')]);
    a.tier('relay').dialing = true;
    await counted;
    expect(atB.bytesResent).toBeLessThan(2_000_000);
    expect(atB.bytesResent).toBeGreaterThan(0);
  });
});

/** A stream from `to` that never ends, flowing. */
async function flood(from: Link, to: Link): Promise<ExecStream> {
  to.onExec((_, stream) => {
    const chunk = Buffer.alloc(64 * 1024);
    stream.on('error', () => undefined);
    const more = (): void => {
      while (!stream.destroyed && stream.write(chunk));
    };
    stream.on('drain', more);
    more();
    return true;
  });
  const stream = await from.exec('flood');
  stream.on('error', () => undefined);
  return stream;
}
