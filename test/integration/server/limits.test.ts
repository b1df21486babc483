import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { SIGNALING_PROTOCOL } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { DEFAULT_LIMITS, type RunningServer, type ServerOptions } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { meet, metricOf, randomId, ServerClient } from '../../support/server-client.ts';

/** Spaces are no content in JSON, so that a message can have any length. */
const padded = (message: object, length: number): string => JSON.stringify(message).padEnd(length);

describe('limits of the server', () => {
  let server: RunningServer;
  const clock = { ms: 0 };
  const start = async (options: ServerOptions = {}): Promise<string> => {
    server = await startServer({ metricsPort: 0, ...options });
    return server.url;
  };
  afterEach(() => server.close({ drainMs: 0 }));

  /** A message of this client has been read and answered. */
  const isServed = async (client: ServerClient): Promise<void> => {
    client.send({ type: 'ice' });
    await client.next('ice');
  };
  const drops = (reason: string): Promise<number> =>
    metricOf(server.metricsUrl, `peerweave_drops_total{reason="${reason}"}`);

  it('takes a text message of 64 KiB, and closes on a longer one', async () => {
    const client = await ServerClient.join(await start(), randomId());
    client.socket.send(padded({ type: 'ice' }, 64 * 1024));
    await client.next('ice');
    client.socket.send(padded({ type: 'ice' }, 64 * 1024 + 1));
    await client.next('closed');
    expect(client.closeCode).toBe(1009);
  });

  it('relays a frame of 64 KiB, and closes on a longer one', async () => {
    const url = await start();
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    const session = await meet(ada, bob);
    ada.sendFrame(session, 0, Buffer.alloc(64 * 1024 - 42, 1));
    expect((await bob.next('frame')).frame).toHaveLength(64 * 1024);
    ada.sendFrame(session, 1, Buffer.alloc(64 * 1024 - 41, 1));
    await ada.next('closed');
    expect(ada.closeCode).toBe(1009);
    await bob.next('detached');
    expect(bob.rest.filter(({ type }) => type === 'frame')).toEqual([]);
  });

  it('says so when the smaller of two limits is passed', async () => {
    const client = await ServerClient.join(await start({ limits: { messageBytes: 1_000 } }), randomId());
    client.socket.send(padded({ type: 'ice' }, 1_000));
    await client.next('ice');
    client.socket.send(padded({ type: 'ice' }, 1_001));
    expect(await client.refusal()).toMatchObject({ reason: 'message-too-large', fatal: true });
  });

  it('takes 4 KiB before a join, and not more', async () => {
    const url = await start();
    const join = (client: ServerClient) => ({ type: 'join', version: 1, room: randomId(), ...client.self });
    const fits = await ServerClient.open(url);
    fits.socket.send(padded(join(fits), 4_096));
    await fits.next('joined');
    const past = await ServerClient.open(url);
    past.socket.send(padded(join(past), 4_097));
    expect(await past.refusal()).toMatchObject({ reason: 'message-too-large', fatal: true });
    // A frame that is announced as long and never completed is no way around it.
    const never = await ServerClient.open(url);
    never.socket.send(Buffer.alloc(5_000), { fin: false });
    expect(await never.refusal()).toMatchObject({ reason: 'message-too-large' });
  });

  it('waits so long for a join, and lets those stay who joined', async () => {
    const url = await start({ limits: { unauthenticatedMs: 200 } });
    const friend = await ServerClient.join(url, randomId());
    const silent = await ServerClient.open(url);
    expect(await silent.refusal()).toMatchObject({ reason: 'timeout', fatal: true });
    await isServed(friend);
  });

  it('takes so many connections of an address, and another when one has gone', async () => {
    const url = await start({ limits: { connectionsPerAddress: 2 } });
    const first = await ServerClient.join(url, randomId());
    await ServerClient.join(url, randomId());
    const third = await ServerClient.open(url);
    expect(await third.refusal()).toMatchObject({ reason: 'too-many-connections', fatal: true });
    await first.close();
    await expect.poll(() => metricOf(server.metricsUrl, 'peerweave_connections')).toBe(1);
    await ServerClient.join(url, randomId());
    expect(await drops('too-many-connections')).toBe(1);
  });

  it('believes X-Forwarded-For of trusted proxies only', async () => {
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const limits = { connectionsPerAddress: 1 };
    let url = await start({ limits, trustProxies: ['127.0.0.0/8'] });
    await ServerClient.join(url, randomId(), from('192.0.2.1'));
    await ServerClient.join(url, randomId(), from('192.0.2.2'));
    const again = await ServerClient.open(url, from('198.51.100.9, 192.0.2.2'));
    expect(await again.refusal()).toMatchObject({ reason: 'too-many-connections' });
    await server.close({ drainMs: 0 });
    url = await start({ limits });
    await ServerClient.join(url, randomId(), from('192.0.2.1'));
    const other = await ServerClient.open(url, from('192.0.2.2'));
    expect(await other.refusal()).toMatchObject({ reason: 'too-many-connections' });
  });

  it('takes so many connections in all', async () => {
    const url = await start({ limits: { connections: 2 } });
    await ServerClient.join(url, randomId());
    await ServerClient.join(url, randomId());
    const third = await ServerClient.open(url);
    expect(await third.refusal()).toMatchObject({ reason: 'server-full', fatal: true });
    expect((await fetch(`${url.replace('ws', 'http')}/healthz`)).status).toBe(200);
  });

  it('takes so many peers into a room', async () => {
    const url = await start({ limits: { peersPerRoom: 3 } });
    const room = randomId();
    const [first] = await Promise.all([1, 2, 3].map(() => ServerClient.join(url, room)));
    const fourth = await ServerClient.open(url);
    fourth.join(room);
    expect(await fourth.refusal()).toMatchObject({ reason: 'room-full', fatal: true });
    await ServerClient.join(url, randomId());
    await first!.close();
    await expect.poll(() => metricOf(server.metricsUrl, 'peerweave_connections')).toBe(3);
    await ServerClient.join(url, room);
  });

  it('takes so many joins of an address a second', async () => {
    const url = await start({ limits: { joinsPerSecond: 1 }, now: () => clock.ms });
    for (let join = 0; join < 10; join++) await (await ServerClient.join(url, randomId())).close();
    const past = await ServerClient.open(url);
    past.join(randomId());
    expect(await past.refusal()).toMatchObject({ reason: 'rate-limited', fatal: true });
    clock.ms += 1_000;
    await ServerClient.join(url, randomId());
  });

  it('takes so many messages of a connection a second; a flood costs the sender its connection and nobody else', async () => {
    const url = await start({ limits: { messagesPerSecond: 2 }, now: () => clock.ms });
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    // The join was one of the twenty.
    for (let message = 1; message < 20; message++) await isServed(ada);
    clock.ms += 500;
    await isServed(ada);
    ada.send({ type: 'ice' });
    expect(await ada.refusal()).toMatchObject({ reason: 'rate-limited', fatal: true });
    expect(await bob.next('peer-left')).toMatchObject({ peer: ada.self.peer });
    await isServed(bob);
  });

  it('lets a ticket in once, and not after its time', async () => {
    const url = await start({ limits: { ticketMs: 200 } });
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    ada.send({ type: 'meet', to: bob.self.peer, request: 1 });
    const [mine, theirs] = [await ada.next('meeting'), await bob.next('meeting')];
    ada.attach(mine.ticket);
    expect(await ada.next('attached')).toMatchObject({ ready: false });
    ada.attach(mine.ticket);
    expect(await ada.next('error')).toMatchObject({ reason: 'ticket-unknown', fatal: false });
    await ada.next('detached');
    bob.attach(theirs.ticket);
    expect(await bob.next('error')).toMatchObject({ reason: 'ticket-unknown', fatal: false });
    const stranger = await ServerClient.open(url);
    stranger.attach(randomId());
    expect(await stranger.refusal()).toMatchObject({ reason: 'ticket-unknown', fatal: true });
  });

  it('allows so many meetings at once that a peer asked for', async () => {
    const url = await start({ limits: { meetingsPerPeer: 2 } });
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    const first = await meet(ada, bob);
    await meet(ada, bob);
    ada.send({ type: 'meet', to: bob.self.peer, request: 3 });
    expect(await ada.next('error')).toMatchObject({ reason: 'rate-limited', request: 3, fatal: false });
    await meet(bob, ada);
    bob.send({ type: 'detach', session: first });
    await ada.next('detached');
    await meet(ada, bob);
  });

  it('closes a room in which nothing happens, and no other', async () => {
    clock.ms = 0;
    const url = await start({ limits: { roomIdleMs: 100, pingMs: 60 }, now: () => clock.ms });
    const idle = await ServerClient.join(url, randomId());
    const busy = await ServerClient.join(url, randomId());
    clock.ms = 99;
    await isServed(busy);
    // Time enough to look at the rooms, and nothing to find.
    for (let ping = 0; ping < 3; ping++) await once(idle.socket, 'ping');
    expect(idle.rest).toEqual([]);
    clock.ms = 100;
    expect(await idle.refusal()).toMatchObject({ reason: 'idle', fatal: true });
    await isServed(busy);
  });

  it('ends the meetings of a room in which nothing happens, and connections that are for nothing', async () => {
    clock.ms = 0;
    const url = await start({ limits: { roomIdleMs: 100, pingMs: 60 }, now: () => clock.ms });
    const room = randomId();
    const [ada, bob] = [await ServerClient.join(url, room), await ServerClient.join(url, room)];
    ada.send({ type: 'meet', to: bob.self.peer, request: 1 });
    const [{ ticket }, theirs] = [await ada.next('meeting'), await bob.next('meeting')];
    const relays = [await ServerClient.open(url), await ServerClient.open(url)];
    relays[0]!.attach(ticket);
    relays[1]!.attach(theirs.ticket);
    for (const relay of relays) await relay.next('attached');
    await Promise.all([ada.close(), bob.close()]);
    for (let ping = 0; ping < 4; ping++) await once(relays[0]!.socket, 'ping');
    clock.ms = 100;
    for (const relay of relays) {
      await relay.next('detached');
      expect(await relay.refusal()).toMatchObject({ reason: 'idle', fatal: true });
    }
  });

  it('drops who answers no ping: a half-open connection, but not who answers', async () => {
    const url = await start({ limits: { pingMs: 100 } });
    const room = randomId();
    const alive = await ServerClient.join(url, room);
    const gone = await ServerClient.join(url, room, { autoPong: false });
    expect(await alive.next('peer-left')).toMatchObject({ peer: gone.self.peer });
    expect(await drops('ping')).toBe(1);
    for (let ping = 0; ping < 3; ping++) await once(alive.socket, 'ping');
    await isServed(alive);
  });

  it('wants the version of the protocol that it has', async () => {
    const client = await ServerClient.open(await start());
    client.send({ type: 'join', version: SIGNALING_PROTOCOL + 1, room: randomId(), ...client.self });
    expect(await client.refusal()).toMatchObject({ reason: 'version', fatal: true });
  });

  it('has the defaults that are promised', () => {
    expect(DEFAULT_LIMITS).toMatchObject({
      messageBytes: 65_536,
      frameBytes: 65_536,
      unauthenticatedBytes: 4_096,
      unauthenticatedMs: 10_000,
      connectionsPerAddress: 20,
      connections: 5_000,
      peersPerRoom: 50,
      slowConsumerPauseBytes: 262_144,
      slowConsumerDropBytes: 4_194_304,
      slowConsumerDropMs: 10_000,
      pingMs: 15_000,
    });
  });
});
