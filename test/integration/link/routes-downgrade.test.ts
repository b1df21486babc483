import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../extension/src/shared/deferred-promise.ts';
import { closed, inState } from '../../support/link-lab.ts';
import { flood, onRoute, ping, RouteLab, statesOf } from '../../support/route-lab.ts';

let lab: RouteLab;
beforeEach(() => {
  lab = new RouteLab();
});
afterEach(() => lab.dispose());

describe('downgrade', () => {
  it('[LI4] to whatever answers first when the transport dies, and back when it can', async () => {
    const [a, b] = await lab.two(['tcp', 'relay', 'json']);
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
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay']);
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings });
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
    const [a, b] = await lab.two(['tcp']);
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings });
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings: { probe: 40 } });
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
    const [a, b] = await lab.two(['tcp', 'relay'], { timings: { probe: 40, silence: 3_600_000 } });
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
    const [a, b] = await lab.two(['tcp'], { timings: { probe: 40 } });
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
    const [a, b] = await lab.two(['relay']);
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
