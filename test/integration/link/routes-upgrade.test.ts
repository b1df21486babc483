import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
import { flood, onRoute, ping, RouteLab, statesOf } from '../../support/route-lab.ts';

let lab: RouteLab;
beforeEach(() => {
  lab = new RouteLab();
});
afterEach(() => lab.dispose());

describe('upgrade', () => {
  it('[LI3] to an address that becomes known later, and tells why not before', async () => {
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['webrtc']);
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
    const [a, b] = await lab.two(['webrtc', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings: { move: 60 } });
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings: { move: 60 } });
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
    const [a, b] = await lab.two(['tcp', 'relay']);
    const other = await lab.person(['tcp'], { identity: b.identity });
    const [atA] = await lab.link(a, b, b.tier('relay').addresses);
    atA.updateAddresses([...b.tier('relay').addresses, ...other.addresses]);
    while (!atA.betterRoutes.some(({ why }) => why.includes('does not know this link'))) await ping(atA);
    expect([atA.state, atA.moves]).toEqual(['connected', 0]);
  });

  it('is given up when the link closes', async () => {
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay']);
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
