import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../../support/manual-clock.ts';
import { rejectionReason } from '../../support/reason.ts';
import { FakeServers, joined, peer } from './fake-server.ts';

describe('keeping a connection to a signaling server', () => {
  let servers: FakeServers;
  beforeEach(() => (servers = new FakeServers()));
  afterEach(() => servers.dispose());

  const hosts = (): string[] => servers.attempts.map(({ host }) => host);

  it('uses the first that answers, and leaves the spare ones alone', async () => {
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    for (let seconds = 0; seconds < 600; seconds += 15) {
      await servers.clock.advance(15_000);
      servers.socket.emit('ping');
    }
    expect(hosts()).toEqual(['one']);
    expect(client.url).toBe('wss://one');
  });

  it('tries the next at once when one is down', async () => {
    servers.answer('one', 'refused');
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    expect(client.url).toBe('wss://two');
    expect(servers.attempts).toEqual([
      { at: 0, host: 'one' },
      { at: 0, host: 'two' },
    ]);
  });

  it('tries the next after a head start when one says nothing, and takes whichever is first', async () => {
    servers.answer('one', 'hangs');
    const client = servers.client(['wss://one', 'wss://two']);
    await servers.clock.advance(1_499);
    expect(hosts()).toEqual(['one']);
    await servers.clock.advance(1);
    expect(hosts()).toEqual(['one', 'two']);
    expect(client.state).toBe('joined');
    expect(client.url).toBe('wss://two');
  });

  it('returns to the preferred server when it is there again, without a moment outside', async () => {
    servers.answer('one', 'refused');
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    const states: string[] = [];
    client.onState((state) => states.push(state));
    const spare = servers.socket;
    servers.answer('one', joined(peer('x')));
    await servers.clock.advance(1_000);
    expect(client.url).toBe('wss://one');
    expect(client.peers).toEqual([peer('x')]);
    expect(spare.isOpen).toBe(false);
    expect(servers.socket.isOpen).toBe(true);
    expect(new Set(states)).toEqual(new Set(['joined']));
  });

  it('does not wait for an attempt at the preferred server when the spare one is lost', async () => {
    servers.answer('one', 'refused');
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    servers.answer('one', 'hangs');
    await servers.clock.advance(1_000);
    expect(hosts()).toEqual(['one', 'two', 'one']);
    servers.socket.drop();
    expect(client.state).toBe('connecting');
    await servers.clock.advance(3_000);
    expect(client.url).toBe('wss://two');
    expect(client.state).toBe('joined');
  });

  it('comes back with exponential backoff, somewhere between at once and the full time', async () => {
    servers.answer('one', 'refused');
    servers.client(['wss://one']);
    await servers.clock.advance(300_000);
    const times = servers.attempts.map(({ at }) => at);
    const pauses = times.slice(1).map((at, index) => at - times[index]!);
    // Half of the way from 50 ms to 500 ms, doubled each time, up to 30 s.
    expect(pauses.slice(0, 9)).toEqual([275, 525, 1025, 2025, 4025, 8025, 15025, 15025, 15025]);
  });

  it.each([
    [0, [50, 50, 50]],
    [0.999, [500, 999, 1998]],
  ])('spreads those who failed together: with random %s', async (random, expected) => {
    servers.answer('one', 'refused');
    servers.client(['wss://one'], { random: () => random });
    await servers.clock.advance(10_000);
    const times = servers.attempts.map(({ at }) => at);
    expect(times.slice(1, 4).map((at, index) => at - times[index]!)).toEqual(expected);
  });

  it('waits longer where it is not wanted', async () => {
    servers.answer('one', { type: 'error', reason: 'room-full', message: '', fatal: true });
    const client = servers.client(['wss://one']);
    expect(await rejectionReason(client.joined())).toBe('room-full');
    await servers.clock.advance(60_000);
    // 2 s to 5 s, 10 s, 20 s, 40 s …
    expect(servers.attempts.map(({ at }) => at)).toEqual([0, 3_500, 9_500, 20_500, 41_500]);
    expect(client.problem).toContain('no room for another member');
  });

  it('forgets failures only after a connection that lasted: one that lets in and drops is no good', async () => {
    const client = await servers.joinedClient();
    const pauses: number[] = [];
    for (let round = 0; round < 5; round++) {
      servers.socket.drop();
      const lostAt = servers.clock.now();
      while (client.state !== 'joined') await servers.clock.advance(5);
      pauses.push(servers.attempts.at(-1)!.at - lostAt);
    }
    expect(pauses.at(-1)!).toBeGreaterThan(4 * pauses[0]!);
    for (let seconds = 0; seconds < 60; seconds += 15) {
      await servers.clock.advance(15_000);
      servers.socket.emit('ping');
    }
    servers.socket.drop();
    await servers.clock.advance(300);
    expect(client.state).toBe('joined');
  });

  it('goes when the server says so, and comes back when it says so', async () => {
    const client = await servers.joinedClient();
    servers.socket.say({ type: 'go-away', afterMs: 4_000 });
    expect(servers.socket.isOpen).toBe(false);
    expect(client.state).toBe('connecting');
    expect(client.problem).toContain('restarting');
    await servers.clock.advance(3_999);
    client.networkChanged();
    await settle();
    expect(servers.attempts).toHaveLength(1);
    await servers.clock.advance(1);
    expect(client.state).toBe('joined');
  });

  it('uses a spare server while the preferred one restarts', async () => {
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    servers.socket.say({ type: 'go-away', afterMs: 4_000 });
    await settle();
    expect(client.url).toBe('wss://two');
    await servers.clock.advance(4_000);
    expect(client.url).toBe('wss://one');
  });

  it('notices a server that has gone silent, and asks it first', async () => {
    const client = await servers.joinedClient();
    for (let pings = 0; pings < 10; pings++) {
      await servers.clock.advance(15_000);
      servers.socket.emit('ping');
    }
    await servers.clock.advance(34_999);
    expect(servers.socket.pings).toBe(0);
    await servers.clock.advance(1);
    expect(servers.socket.pings).toBe(1);
    servers.socket.emit('pong');
    await servers.clock.advance(35_000 + 4_999);
    expect(client.state).toBe('joined');
    expect(servers.socket.pings).toBe(2);
    await servers.clock.advance(1);
    expect(client.state).toBe('connecting');
    expect(client.problem).toContain('does not answer any more');
  });

  it('finds out at once whether it is still connected when the network changed, and tries again at once', async () => {
    const client = await servers.joinedClient();
    client.networkChanged();
    await servers.clock.advance(4_999);
    expect(client.state).toBe('joined');
    servers.answer('one', 'refused');
    await servers.clock.advance(1);
    expect(client.state).toBe('connecting');
    await servers.clock.advance(60_000);
    servers.answer('one', joined());
    const before = servers.attempts.length;
    client.networkChanged();
    await settle();
    expect(servers.attempts).toHaveLength(before + 1);
    expect(client.state).toBe('joined');
  });

  it('gives up on a server that lets nobody in, and leaves no connection behind', async () => {
    servers.answer('one', 'mute');
    const client = servers.client(['wss://one']);
    const joining = rejectionReason(client.joined());
    await servers.clock.advance(10_000);
    expect(await joining).toBe('signaling-unreachable');
    expect(client.problem).toContain('says nothing');
    expect(servers.socket.isOpen).toBe(false);
  });

  it('has a new random id on each connection, and one tag', async () => {
    const client = await servers.joinedClient();
    const before = client.self;
    servers.socket.drop();
    await servers.clock.advance(1_000);
    expect(client.self.peer).not.toBe(before.peer);
    expect(client.self.tag).toBe(before.tag);
    expect(servers.socket.join).toMatchObject(client.self);
  });

  it('says why it is not joined: at once while nothing is being tried, else when that is known', async () => {
    servers.answer('one', 'refused');
    const client = servers.client(['wss://one']);
    expect(client.problem).toBeUndefined();
    expect(await rejectionReason(client.joined())).toBe('signaling-unreachable');
    await servers.clock.advance(20_000);
    expect(await rejectionReason(client.joined())).toBe('signaling-unreachable');
    servers.answer('one', joined());
    client.networkChanged();
    await client.joined();
    expect(client.problem).toBeUndefined();
  });

  it('tells of all servers, and first what a person can do most about', async () => {
    servers.answer('one', 'refused');
    servers.answer('two', { type: 'error', reason: 'unauthorised', message: 'x', fatal: true });
    const client = servers.client(['wss://one', 'wss://two']);
    expect(await rejectionReason(client.joined())).toBe('signaling-refused');
    expect(client.problem).toContain('wss://two lets in only those who have its token');
    expect(client.problem).toContain('other signaling servers');
  });

  it('stops waiting when told to, and everything when disposed', async () => {
    servers.answer('one', 'hangs');
    const client = servers.client(['wss://one']);
    const abort = new AbortController();
    const waiting = rejectionReason(client.joined(abort.signal));
    const other = rejectionReason(client.joined());
    abort.abort();
    expect(await waiting).toBe('cancelled');
    const states: string[] = [];
    client.onState((state) => states.push(state));
    client.dispose();
    client.dispose();
    expect(await other).toBe('cancelled');
    expect(states).toEqual(['closed']);
    await settle();
    expect(servers.clock.pending).toBe(0);
  });

  it('leaves no timer and no connection behind when disposed while joined', async () => {
    const client = await servers.joinedClient(['wss://one', 'wss://two']);
    client.dispose();
    await settle();
    expect(servers.clock.pending).toBe(0);
    expect(servers.socket.isOpen).toBe(false);
    expect(client.peers).toEqual([]);
  });

  it.each([[], ['http://one'], ['wss://one', 'no url']])('refuses %j for URLs', (...urls) => {
    expect(() => servers.client(urls)).toThrow(/signaling/i);
  });
});
