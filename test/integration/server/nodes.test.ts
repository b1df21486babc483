import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer, ServerLimits } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { RedisServer } from '../../support/redis-server.ts';
import { metricOf, randomId, ServerClient } from '../../support/server-client.ts';

describe('several nodes', () => {
  let redis: RedisServer;
  let nodes: RunningServer[] = [];
  let room: string;

  /** Nobody is taken for dead while a busy machine takes its time, but in the tests that wait for it. */
  const PATIENT = { nodeMs: 60_000 };
  const QUICK = { nodeMs: 1_500 };
  const startNode = async (limits: Partial<ServerLimits> = {}): Promise<RunningServer> => {
    const node = await startServer({ redis: redis.url, metricsPort: 0, limits: { ...PATIENT, ...limits } });
    nodes.push(node);
    return node;
  };
  const redisState = async (node: RunningServer): Promise<string> => {
    const ready = await fetch(`${node.url.replace('ws', 'http')}/readyz`);
    expect(ready.status).toBe(200);
    return ((await ready.json()) as { redis: string }).redis;
  };
  const untilRedis = async (state: string, ...those: RunningServer[]): Promise<void> => {
    for (const node of those) await expect.poll(() => redisState(node), { timeout: 30_000, interval: 20 }).toBe(state);
  };
  const twoNodes = async (limits: Partial<ServerLimits> = {}): Promise<[RunningServer, RunningServer]> => {
    const pair: [RunningServer, RunningServer] = [await startNode(limits), await startNode(limits)];
    await untilRedis('connected', ...pair);
    return pair;
  };
  /** One at each node, who know of each other. */
  const twoMembers = async (one: RunningServer, other: RunningServer): Promise<[ServerClient, ServerClient]> => {
    const ada = await ServerClient.join(one.url, room);
    const bob = await ServerClient.open(other.url);
    bob.join(room);
    const { peers } = await bob.next('joined');
    // Either the answer of the first node came before the join, or it comes after it.
    if (peers.length === 0) expect(await bob.next('peer-joined')).toMatchObject(ada.self);
    expect(await ada.next('peer-joined')).toMatchObject(bob.self);
    return [ada, bob];
  };
  const canSignal = async (from: ServerClient, to: ServerClient): Promise<void> => {
    const body = randomId();
    from.send({ type: 'signal', to: to.self.peer, body });
    expect(await to.next('signal')).toEqual({ type: 'signal', from: from.self.peer, body });
  };

  beforeEach(async () => {
    redis = await RedisServer.start();
    room = randomId();
  });
  afterEach(async () => {
    redis.thaw();
    await Promise.all(nodes.map((node) => node.close({ drainMs: 0 })));
    nodes = [];
    await redis.dispose();
  });

  it('share rooms: who comes, who goes, what they say', async () => {
    const [one, other] = await twoNodes();
    const [ada, bob] = await twoMembers(one, other);
    await canSignal(ada, bob);
    await canSignal(bob, ada);
    const cyd = await ServerClient.open(other.url);
    cyd.join(room);
    const { peers } = await cyd.next('joined');
    expect(peers).toContainEqual(ada.self);
    expect(peers).toContainEqual(bob.self);
    expect(await ada.next('peer-joined')).toMatchObject(cyd.self);
    await bob.close();
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    expect(await cyd.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    await cyd.close();
    expect(await ada.next('peer-left')).toMatchObject({ peer: cyd.self.peer });
  });

  it('send the peers of a relay to one of them, past Redis', async () => {
    const [one, other] = await twoNodes();
    const [ada, bob] = await twoMembers(one, other);
    ada.send({ type: 'meet', to: bob.self.peer, request: 4 });
    const mine = await ada.next('meeting');
    expect(mine).toMatchObject({ with: bob.self.peer, request: 4 });
    expect(mine.url).toBeUndefined();
    const theirs = await bob.next('meeting');
    expect(theirs).toMatchObject({ with: ada.self.peer, session: mine.session, url: one.url });
    ada.attach(mine.ticket);
    const relay = await ServerClient.open(theirs.url!);
    relay.attach(theirs.ticket);
    await relay.next('attached');
    await ada.next('attached');
    expect((await ada.next('attached')).ready).toBe(true);

    const watcher = createClient({ url: redis.url });
    await watcher.connect();
    const bytes = async (): Promise<number> =>
      Number(/total_net_input_bytes:(\d+)/.exec(await watcher.info('stats'))?.[1]);
    const before = await bytes();
    for (let sequence = 0; sequence < 50; sequence++) ada.sendFrame(mine.session, sequence, Buffer.alloc(60_000, 1));
    for (let sequence = 0; sequence < 50; sequence++) await relay.next('frame');
    expect((await bytes()) - before).toBeLessThan(60_000);
    watcher.destroy();
    relay.sendFrame(mine.session, 0, Buffer.from('back'), bob.self.peer);
    expect((await ada.next('frame')).frame.subarray(42).toString()).toBe('back');
  });

  it('count the peers of a room together', async () => {
    const [one, other] = await twoNodes({ peersPerRoom: 2 });
    await twoMembers(one, other);
    for (const { url } of [one, other]) {
      const third = await ServerClient.open(url);
      third.join(room);
      expect(await third.refusal()).toMatchObject({ reason: 'room-full' });
    }
  });

  it('let nobody take the id of a peer elsewhere', async () => {
    const [one, other] = await twoNodes();
    const [ada] = await twoMembers(one, other);
    const eve = await ServerClient.open(other.url);
    eve.send({ type: 'join', version: 1, room, ...ada.self });
    expect(await eve.refusal()).toMatchObject({ reason: 'peer-taken' });
  });

  it('go on by themselves without Redis, say so, and find each other when it is back', async () => {
    const [one, other] = await twoNodes(QUICK);
    const [ada, bob] = await twoMembers(one, other);
    await redis.stop();
    await untilRedis('lost', one, other);
    expect(await metricOf(one.metricsUrl, 'peerweave_redis_connected')).toBe(0);
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    const cyd = await ServerClient.join(one.url, room);
    await canSignal(ada, cyd);
    ada.send({ type: 'signal', to: bob.self.peer, body: 'lost' });
    expect(await ada.next('error')).toMatchObject({ reason: 'peer-unknown', fatal: false });

    await redis.start();
    await untilRedis('connected', one, other);
    expect(await metricOf(one.metricsUrl, 'peerweave_redis_connected')).toBe(1);
    await ada.next('peer-joined');
    expect(await ada.next('peer-joined')).toMatchObject(bob.self);
    await bob.next('peer-left');
    expect([await bob.next('peer-joined'), await bob.next('peer-joined')].map((each) => each.peer).sort()).toEqual(
      [ada.self.peer, cyd.self.peer].sort(),
    );
    await canSignal(ada, bob);
    await canSignal(bob, cyd);
  });

  it('survive a Redis that is away for a moment without anybody leaving', async () => {
    const [one, other] = await twoNodes();
    const [ada, bob] = await twoMembers(one, other);
    await redis.stop();
    const cyd = await ServerClient.join(one.url, room);
    await redis.start();
    expect(await bob.next('peer-joined')).toMatchObject(cyd.self);
    await canSignal(bob, cyd);
    await canSignal(ada, bob);
    expect([...ada.rest, ...bob.rest].filter(({ type }) => type === 'peer-left')).toEqual([]);
  });

  it('start without Redis and share when it comes', async () => {
    await redis.stop();
    const [one, other] = [await startNode(), await startNode()];
    const [ada, bob] = [await ServerClient.join(one.url, room), await ServerClient.join(other.url, room)];
    expect([await redisState(one), await redisState(other)]).toEqual(['lost', 'lost']);
    await redis.start();
    expect(await ada.next('peer-joined')).toMatchObject(bob.self);
    expect(await bob.next('peer-joined')).toMatchObject(ada.self);
  });

  it('notice a Redis that hangs, queue for it no more than allowed, and recover', async () => {
    const [one, other] = await twoNodes({ ...QUICK, busBytes: 100_000 });
    const [ada, bob] = await twoMembers(one, other);
    redis.freeze();
    const body = 'x'.repeat(10_000);
    for (let message = 0; message < 30; message++) ada.send({ type: 'signal', to: bob.self.peer, body });
    expect(await ada.next('error')).toMatchObject({ reason: 'peer-unknown' });
    expect(await metricOf(one.metricsUrl, 'peerweave_drops_total{reason="bus-overflow"}')).toBeGreaterThan(0);
    await untilRedis('lost', one, other);
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    expect(await bob.next('peer-left')).toMatchObject({ peer: ada.self.peer });
    redis.thaw();
    await untilRedis('connected', one, other);
    expect(await ada.next('peer-joined')).toMatchObject(bob.self);
    // What waits for Redis may keep the first node from saying at once who is there.
    expect(await bob.next('peer-joined')).toMatchObject(ada.self);
    await canSignal(bob, ada);
  });

  it('forget the peers of a node that says goodbye at once, and of one that dies in time', async () => {
    const [one, other] = await twoNodes(QUICK);
    const [ada, bob] = await twoMembers(one, other);
    await other.close({ drainMs: 0 });
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    // A node that dies says nothing: here somebody speaks for it who never was there.
    const ghost = createClient({ url: redis.url });
    await ghost.connect();
    const news = { kind: 'peers', node: randomId(), room, peers: [{ peer: randomId(), tag: randomId() }], ask: false };
    await ghost.publish(`peerweave:1:room:${room}`, JSON.stringify(news));
    ghost.destroy();
    expect(await ada.next('peer-joined')).toMatchObject(news.peers[0]!);
    expect(await ada.next('peer-left')).toMatchObject({ peer: news.peers[0]!.peer });
  });

  it('ask a node that they hear of again who is there', async () => {
    const one = await startNode(QUICK);
    await untilRedis('connected', one);
    const ada = await ServerClient.join(one.url, room);
    const ghost = createClient({ url: redis.url });
    await ghost.connect();
    const node = randomId();
    const peers = [{ peer: randomId(), tag: randomId() }];
    const asked: unknown[] = [];
    const heard = ghost.duplicate();
    await heard.connect();
    await heard.subscribe(`peerweave:1:room:${room}`, (text) => void asked.push(JSON.parse(text)));
    await ghost.publish(`peerweave:1:room:${room}`, JSON.stringify({ kind: 'peers', node, room, peers, ask: false }));
    expect(await ada.next('peer-joined')).toMatchObject(peers[0]!);
    // Only this node's sign of life was late; the other one noticed nothing, and says nothing of its own accord.
    expect(await ada.next('peer-left')).toMatchObject({ peer: peers[0]!.peer });
    asked.length = 0;
    await ghost.publish('peerweave:1:nodes', JSON.stringify({ kind: 'alive', node }));
    await expect.poll(() => asked, { timeout: 30_000 }).toContainEqual(expect.objectContaining({ ask: true }));
    ghost.destroy();
    heard.destroy();
  });

  it('ignore what is no message of theirs on the bus', async () => {
    const [one, other] = await twoNodes();
    const [ada, bob] = await twoMembers(one, other);
    const stranger = createClient({ url: redis.url });
    await stranger.connect();
    const channels = ['peerweave:1:nodes', `peerweave:1:room:${room}`];
    const peers = [{ peer: bob.self.peer, tag: 'short' }];
    for (const channel of channels) {
      for (const text of [
        '',
        '{',
        'null',
        '{"kind":"bye"}',
        JSON.stringify({ kind: 'peers', node: randomId(), peers }),
      ]) {
        await stranger.publish(channel, text);
      }
    }
    // The id of somebody here cannot be taken from elsewhere.
    const taken = { kind: 'peers', node: randomId(), room, peers: [ada.self], ask: false };
    await stranger.publish(channels[1]!, JSON.stringify(taken));
    stranger.destroy();
    await canSignal(ada, bob);
    await canSignal(bob, ada);
    expect(await metricOf(one.metricsUrl, 'peerweave_drops_total{reason="bus-malformed"}')).toBe(10);
    expect(ada.rest).toEqual([]);
  });
});
