import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer, ServerOptions } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { rawFrame, rawSocket, rawWebSocket, untilClosed, upgradeRequest } from '../../support/raw-socket.ts';
import { meet, metricOf, randomId, ServerClient } from '../../support/server-client.ts';

const TEXT = 1;
const BINARY = 2;

describe('bad input to the server', () => {
  let server: RunningServer;
  let room: string;
  let ada: ServerClient;
  let bob: ServerClient;
  let session: string;

  const start = async (options: ServerOptions = {}): Promise<void> => {
    const limits = { connectionsPerAddress: 10_000, joinsPerSecond: 10_000, ...options.limits };
    server = await startServer({ metricsPort: 0, ...options, limits });
    room = randomId();
    [ada, bob] = [await ServerClient.join(server.url, room), await ServerClient.join(server.url, room)];
    session = await meet(ada, bob);
  };
  beforeEach(() => start());
  afterEach(() => server.close({ drainMs: 0 }));

  let sequence = 0;
  /** Two who were there before still reach each other, and heard of nothing else; newcomers are served. */
  const othersAreUnaffected = async (): Promise<void> => {
    ada.sendFrame(session, sequence, Buffer.from('through'));
    const { frame } = await bob.next('frame');
    expect([frame.readBigUInt64BE(34), frame.subarray(42).toString()]).toEqual([BigInt(sequence++), 'through']);
    expect([...ada.rest, ...bob.rest].filter(({ type }) => !type.startsWith('peer-'))).toEqual([]);
    const late = await ServerClient.join(server.url, randomId());
    await late.close();
  };
  beforeEach(() => {
    sequence = 0;
  });
  const drops = (reason: string): Promise<number> =>
    metricOf(server.metricsUrl, `peerweave_drops_total{reason="${reason}"}`);

  it.each<[string, Buffer]>([
    ['invalid UTF-8', rawFrame({ opcode: TEXT, payload: Buffer.from([0xc3, 0x28]) })],
    ['a frame without a mask', rawFrame({ opcode: TEXT, payload: Buffer.from('{}'), masked: false })],
    ['a reserved opcode', rawFrame({ opcode: 5, payload: Buffer.from('{}') })],
    ['reserved bits', rawFrame({ opcode: TEXT, payload: Buffer.from('{}'), reserved: 4 })],
    ['a continuation of nothing', rawFrame({ opcode: 0, payload: Buffer.from('{}') })],
    ['a frame of 2^62 bytes', rawFrame({ opcode: BINARY, length: 2n ** 62n })],
    ['a frame longer than the limit', rawFrame({ opcode: BINARY, length: 70_000 })],
    ['a ping longer than a ping may be', rawFrame({ opcode: 9, payload: Buffer.alloc(126) })],
    ['a ping in pieces', rawFrame({ opcode: 9, fin: false })],
    ['a close with a code that is none', rawFrame({ opcode: 8, payload: Buffer.from([0, 1]) })],
    ['noise', Buffer.from(Array.from({ length: 2_000 }, (_, index) => (index * 7_919 + 13) & 0xff))],
    ['no JSON', rawFrame({ opcode: TEXT, payload: Buffer.from('hello') })],
    ['JSON that is no message', rawFrame({ opcode: TEXT, payload: Buffer.from('[1,2,3]') })],
    ['JSON that nests deeply', rawFrame({ opcode: TEXT, payload: Buffer.from('['.repeat(4_000)) })],
    ['a message before the join', rawFrame({ opcode: TEXT, payload: Buffer.from('{"type":"ice"}') })],
    ['a binary message before the join', rawFrame({ opcode: BINARY, payload: Buffer.alloc(100) })],
    ['an empty binary message', rawFrame({ opcode: BINARY })],
  ])('costs the sender its connection: %s', async (_name, bytes) => {
    const socket = await rawWebSocket(server.url);
    socket.write(bytes);
    await untilClosed(socket);
    await othersAreUnaffected();
  });

  it('says why to who can hear it', async () => {
    const stranger = await ServerClient.open(server.url);
    stranger.socket.send(Buffer.alloc(100));
    expect(await stranger.refusal()).toMatchObject({ reason: 'not-joined', fatal: true });
    const member = await ServerClient.join(server.url, room);
    member.socket.send('{"type":"signal","to":"everybody","body":"hi"}');
    expect(await member.refusal()).toMatchObject({ reason: 'bad-message', fatal: true });
    const twice = await ServerClient.join(server.url, room);
    twice.join(randomId());
    expect(await twice.refusal()).toMatchObject({ reason: 'bad-message', fatal: true });
    const double = await ServerClient.open(server.url);
    double.send({ type: 'join', version: 1, room, ...ada.self });
    expect(await double.refusal()).toMatchObject({ reason: 'peer-taken', fatal: true });
    await othersAreUnaffected();
  });

  it('passes on no frame of a foreign session, of another sender, of a wrong form, or before both are there', async () => {
    const eve = await ServerClient.join(server.url, room);
    const refusedAs = async (reason: string): Promise<void> => {
      expect(await eve.next('error')).toMatchObject({ reason, fatal: false });
    };
    const before = [await drops('session-unknown'), await drops('bad-message')];
    eve.sendFrame(session, 0, Buffer.from('foreign'));
    await refusedAs('session-unknown');
    eve.sendFrame(session, 0, Buffer.from('foreign'), ada.self.peer);
    await refusedAs('session-unknown');
    eve.send({ type: 'data', session, peer: ada.self.peer, sequence: 0, data: '' });
    await refusedAs('session-unknown');
    eve.send({ type: 'detach', session });
    await refusedAs('session-unknown');
    eve.socket.send(Buffer.alloc(41, 16));
    await refusedAs('bad-message');
    eve.socket.send(Buffer.alloc(0));
    await refusedAs('bad-message');
    eve.send({ type: 'meet', to: bob.self.peer, request: 0 });
    const { session: own, ticket } = await eve.next('meeting');
    eve.attach(ticket);
    await eve.next('attached');
    eve.sendFrame(own, 0, Buffer.from('early'));
    await refusedAs('session-unknown');
    bob.attach((await bob.next('meeting')).ticket);
    await Promise.all([bob.next('attached'), eve.next('attached')]);
    eve.sendFrame(own, 0, Buffer.from('in the name of another'), bob.self.peer);
    await refusedAs('session-unknown');
    eve.sendFrame(own, 0, Buffer.from('in the name of a third'), ada.self.peer);
    await refusedAs('session-unknown');
    expect([await drops('session-unknown'), await drops('bad-message')]).toEqual([before[0]! + 7, before[1]! + 2]);
    await othersAreUnaffected();
  });

  it('meets a flood of foreign frames with an end', async () => {
    const eve = await ServerClient.join(server.url, randomId());
    for (let frame = 0; frame < 1_100; frame++) eve.sendFrame(session, frame, Buffer.alloc(0));
    await eve.next('closed');
    expect(await drops('rate-limited')).toBe(1);
    await othersAreUnaffected();
  });

  it('ends the meeting of a party that dies in the middle of a frame, and passes on nothing of that frame', async () => {
    const [cyd, dan] = [await ServerClient.join(server.url, room), await ServerClient.join(server.url, room)];
    cyd.send({ type: 'meet', to: dan.self.peer, request: 0 });
    const [mine, theirs] = [await cyd.next('meeting'), await dan.next('meeting')];
    dan.attach(theirs.ticket);
    const socket = await rawWebSocket(server.url);
    const attach = { type: 'attach', version: 1, ticket: mine.ticket };
    socket.write(rawFrame({ opcode: TEXT, payload: Buffer.from(JSON.stringify(attach)) }));
    expect(await dan.next('attached')).toMatchObject({ ready: false });
    expect(await dan.next('attached')).toMatchObject({ ready: true });
    socket.write(rawFrame({ opcode: BINARY, payload: Buffer.alloc(1_000), length: 60_000 }), () => socket.destroy());
    expect(await dan.next('detached')).toMatchObject({ session: mine.session });
    expect(dan.rest.filter(({ type }) => type === 'frame')).toEqual([]);
    await othersAreUnaffected();
  });

  it('lets a browser’s page in only from where the operator allows', async () => {
    const page = (origin: string) =>
      rawSocket(server.url).then((socket) => {
        socket.write(upgradeRequest({ Origin: origin }));
        return once(socket, 'data').then(([data]) => String(data).split('\r\n')[0]);
      });
    expect(await page('https://elsewhere.example')).toBe('HTTP/1.1 403 Forbidden');
    await server.close({ drainMs: 0 });
    await start({ allowOrigins: ['https://peerweave.example'] });
    expect(await page('https://elsewhere.example')).toBe('HTTP/1.1 403 Forbidden');
    expect(await page('https://peerweave.example')).toBe('HTTP/1.1 101 Switching Protocols');
    await othersAreUnaffected();
  });

  it('answers HTTP that is not for it, and nothing else happens', async () => {
    for (const request of [
      'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
      upgradeRequest({ 'Sec-WebSocket-Protocol': 'chat' }),
      upgradeRequest({ 'Sec-WebSocket-Key': 'short' }),
      upgradeRequest({ Upgrade: 'h2c' }),
      `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    ]) {
      const socket = await rawSocket(server.url);
      socket.write(request);
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(data.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
      socket.destroy();
    }
    await othersAreUnaffected();
    await expect.poll(() => metricOf(server.metricsUrl, 'peerweave_connections')).toBe(2);
  });

  it('keeps no socket whose request comes too slowly, or never', async () => {
    await server.close({ drainMs: 0 });
    await start({ limits: { unauthenticatedMs: 300 } });
    const slow = await Promise.all(Array.from({ length: 50 }, () => rawSocket(server.url)));
    // A request whose headers never end, and one that is never begun.
    const request = upgradeRequest().trimEnd();
    let sent = 0;
    const dripping = setInterval(() => {
      for (const socket of slow.slice(0, 25)) if (!socket.destroyed) socket.write(request[sent] ?? '\r\nX: x');
      sent++;
    }, 5);
    await othersAreUnaffected();
    await Promise.all(slow.map(untilClosed));
    clearInterval(dripping);
    await othersAreUnaffected();
    // Node's own limits, which close them too, are a minute and more.
  }, 30_000);

  it('holds an address to its number of sockets before any request was made', async () => {
    await server.close({ drainMs: 0 });
    await start({ limits: { connectionsPerAddress: 4 } });
    const many = await Promise.all(Array.from({ length: 60 }, () => rawSocket(server.url)));
    // Two are connected and ten more may be.
    await Promise.all(many.slice(12).map(untilClosed));
    const open = many.filter(({ destroyed }) => !destroyed);
    expect(open.length).toBeLessThanOrEqual(10);
    for (const socket of open) socket.destroy();
    await othersAreUnaffected();
  });

  it('takes a thousand connections that come and break away at once', async () => {
    const clients = await Promise.all(Array.from({ length: 1_000 }, () => ServerClient.open(server.url)));
    for (const client of clients) client.join(randomId());
    await Promise.all(clients.map((client) => client.next('joined')));
    expect(await metricOf(server.metricsUrl, 'peerweave_rooms')).toBe(1_001);
    for (const client of clients) client.socket.terminate();
    await expect.poll(() => metricOf(server.metricsUrl, 'peerweave_connections'), { timeout: 30_000 }).toBe(2);
    expect(await metricOf(server.metricsUrl, 'peerweave_rooms')).toBe(1);
    await othersAreUnaffected();
  });

  it('survives messages of any shape', async () => {
    const field = fc.oneof(fc.constant(room), fc.constant(ada.self.peer), fc.constant(session), fc.jsonValue());
    const type = fc.constantFrom('join', 'signal', 'meet', 'attach', 'detach', 'ice', 'data', 'go-away');
    const fields = {
      version: fc.constant(1),
      room: field,
      peer: field,
      tag: field,
      to: field,
      body: field,
      request: fc.nat(),
    };
    const message = fc.record({ type, ...fields, ticket: field, session: field, sequence: fc.nat(), data: field });
    const said = fc.oneof(
      message.map((each) => JSON.stringify(each)),
      fc.uint8Array({ maxLength: 200 }),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(said, { maxLength: 5 }), fc.boolean(), async (all, joined) => {
        const client = joined ? await ServerClient.join(server.url, randomId()) : await ServerClient.open(server.url);
        for (const each of all) client.socket.send(each);
        client.socket.close();
        await client.next('closed');
      }),
      { numRuns: 200 },
    );
    expect(await drops('internal')).toBe(0);
    await othersAreUnaffected();
  });
});
