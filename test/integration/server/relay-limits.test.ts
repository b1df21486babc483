import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { RELAY_HEADER_BYTES } from '../../../extension/src/p2p/signaling/wire/relay-frame.ts';
import type { RunningServer, ServerLimits } from '../../../server/options.ts';
import { startServer } from '../../../server/server.ts';
import { meet, metricOf, randomId, ServerClient } from '../../support/server-client.ts';

const KiB = 1024;
const FRAME = 64 * KiB;

describe('limits of what the server relays', () => {
  let server: RunningServer;
  let room: string;
  const clock = { ms: 0 };
  const start = async (limits: Partial<ServerLimits>, now?: () => number): Promise<void> => {
    server = await startServer({ metricsPort: 0, limits, ...(now === undefined ? {} : { now }) });
    room = randomId();
  };
  afterEach(() => server.close({ drainMs: 0 }));

  const join = (): Promise<ServerClient> => ServerClient.join(server.url, room);
  const queued = (): Promise<number> => metricOf(server.metricsUrl, 'peerweave_queued_bytes');
  const relayed = (tier = 'relay'): Promise<number> =>
    metricOf(server.metricsUrl, `peerweave_relayed_bytes_total{tier="${tier}"}`);
  const isServed = async (client: ServerClient): Promise<void> => {
    client.send({ type: 'ice' });
    await client.next('ice');
  };
  /** So many frames of 64 KiB, counted from 0. */
  const sendFrames = (client: ServerClient, session: string, count: number): void => {
    for (let sequence = 0; sequence < count; sequence++) {
      client.sendFrame(session, sequence, Buffer.alloc(FRAME - RELAY_HEADER_BYTES, sequence));
    }
  };
  const allFrames = async (client: ServerClient, count: number): Promise<void> => {
    for (let sequence = 0; sequence < count; sequence++) {
      const { frame } = await client.next('frame');
      if (frame.readBigUInt64BE(34) !== BigInt(sequence)) throw new Error(`frame ${sequence} is missing`);
    }
  };

  /** Sends to somebody until more waits in the server than the mark. */
  const sendUntilQueued = async (client: ServerClient, session: string, bytes: number): Promise<number> => {
    let frames = 0;
    while ((await queued()) <= bytes) {
      client.sendFrame(session, frames, Buffer.alloc(FRAME - RELAY_HEADER_BYTES, frames));
      frames++;
    }
    return frames;
  };

  it('asks who sends to a slow reader to pause at 256 KiB, reads what it sends to others, and says when to go on', async () => {
    await start({});
    const [ada, bob, cyd] = [await join(), await join(), await join()];
    const slow = await meet(ada, bob);
    const other = await meet(ada, cyd);
    bob.socket.pause();
    const frames = await sendUntilQueued(ada, slow, 256 * KiB);
    expect(await ada.next('pause')).toEqual({ type: 'pause', session: slow });
    for (let round = 0; round < 50; round++) {
      ada.sendFrame(other, round, Buffer.alloc(FRAME - RELAY_HEADER_BYTES));
      await cyd.next('frame');
    }
    expect(ada.rest.filter(({ type }) => type === 'pause' || type === 'resume')).toEqual([]);
    bob.socket.resume();
    expect(await ada.next('resume')).toEqual({ type: 'resume', session: slow });
    await allFrames(bob, frames);
  });

  it('stops reading who goes on at 1 MiB, keeps no more, loses nothing, and serves others', async () => {
    await start({});
    const [ada, bob, cyd, dan] = [await join(), await join(), await join(), await join()];
    const session = await meet(ada, bob);
    const others = await meet(cyd, dan);
    bob.socket.pause();
    const frames = 600;
    sendFrames(ada, session, frames);
    let most = 0;
    await expect
      .poll(async () => (most = Math.max(most, await queued())), { timeout: 30_000 })
      .toBeGreaterThan(1_024 * KiB);
    for (let round = 0; round < 50; round++) {
      cyd.sendFrame(others, round, Buffer.alloc(1_000));
      await dan.next('frame');
      most = Math.max(most, await queued());
    }
    // One chunk of the socket may bring a few frames more after the mark is passed.
    expect(most).toBeLessThanOrEqual((1_024 + 3 * 64) * KiB);
    expect(ada.socket.bufferedAmount).toBeGreaterThan(FRAME);
    bob.socket.resume();
    await allFrames(bob, frames);
    await isServed(ada);
  });

  it('drops a reader that does not read for too long, and tells who sent to it', async () => {
    await start({ slowConsumerDropMs: 300 });
    const [ada, bob] = [await join(), await join()];
    const session = await meet(ada, bob);
    bob.socket.pause();
    sendFrames(ada, session, 400);
    expect(await ada.next('detached')).toMatchObject({ session });
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    expect(await metricOf(server.metricsUrl, 'peerweave_drops_total{reason="slow-consumer"}')).toBe(1);
    // The frames that were under way when the meeting ended do no harm.
    await isServed(ada);
    expect(await queued()).toBe(0);
  });

  it('drops a reader for whom too much waits that nobody can be held for', async () => {
    await start({ slowConsumerDropBytes: 512 * KiB, messagesPerSecond: 1_000 });
    const [ada, bob] = [await join(), await join()];
    bob.socket.pause();
    const body = 'x'.repeat(60 * KiB);
    let most = 0;
    for (let sent = 0; sent < 1_000; sent++) {
      ada.send({ type: 'signal', to: bob.self.peer, body });
      await isServed(ada);
      most = Math.max(most, await queued());
      if (ada.rest.some(({ type }) => type === 'peer-left')) break;
    }
    expect(await ada.next('peer-left')).toMatchObject({ peer: bob.self.peer });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(512 * KiB);
    expect(await metricOf(server.metricsUrl, 'peerweave_drops_total{reason="slow-consumer"}')).toBe(1);
    await isServed(ada);
  });

  it.each(['relayBytesPerSecondPerPeer', 'relayBytesPerSecondPerRoom'] as const)(
    'relays a second’s worth of %s at once, then reads no more until it is paid off',
    async (limit) => {
      await start({ [limit]: 2_048, pingMs: 100 }, () => clock.ms);
      const [ada, bob, eve] = [await join(), await join(), await ServerClient.join(server.url, randomId())];
      const session = await meet(ada, bob);
      for (const sequence of [0, 1]) ada.sendFrame(session, sequence, Buffer.alloc(1_024 - RELAY_HEADER_BYTES));
      await allFrames(bob, 2);
      await isServed(ada);
      // Half a minute's worth at once.
      sendFrames(ada, session, 1);
      await allFrames(bob, 1);
      ada.send({ type: 'ice' });
      for (let round = 0; round < 20; round++) await isServed(eve);
      // It is not read, and so no answer to a ping is missed.
      for (let ping = 0; ping < 3; ping++) await once(eve.socket, 'ping');
      expect(ada.rest.filter(({ type }) => type !== 'peer-joined')).toEqual([]);
      await isServed(bob);
    },
  );

  it('slows down and drops nothing', async () => {
    await start({ relayBytesPerSecondPerPeer: 8 * 1024 * KiB, relayBytesPerSecondPerRoom: 8 * 1024 * KiB });
    const [ada, bob] = [await join(), await join()];
    const session = await meet(ada, bob);
    sendFrames(ada, session, 200);
    await allFrames(bob, 200);
    await isServed(ada);
    expect(await relayed()).toBe(200 * FRAME);
  });

  it('counts bytes and sessions by tier', async () => {
    await start({});
    const [ada, bob] = [await join(), await join()];
    const session = await meet(ada, bob);
    const sessions = (tier: string) => metricOf(server.metricsUrl, `peerweave_relay_sessions{tier="${tier}"}`);
    expect([await sessions('relay'), await sessions('json')]).toEqual([0, 0]);
    ada.sendFrame(session, 0, Buffer.alloc(100));
    await bob.next('frame');
    expect([await sessions('relay'), await sessions('json')]).toEqual([1, 0]);
    ada.send({ type: 'data', session, peer: ada.self.peer, sequence: 1, data: 'AAEC' });
    await bob.next('data');
    expect([await sessions('relay'), await sessions('json')]).toEqual([1, 1]);
    expect(await relayed('relay')).toBe(100 + RELAY_HEADER_BYTES);
    expect(await relayed('json')).toBeGreaterThan(0);
    ada.send({ type: 'detach', session });
    await bob.next('detached');
    expect([await sessions('relay'), await sessions('json')]).toEqual([0, 0]);
  });

  it('[SE2] shows no room, peer, tag, session, body or address in its metrics', async () => {
    await start({});
    const [ada, bob] = [await join(), await join()];
    const session = await meet(ada, bob);
    ada.sendFrame(session, 0, Buffer.from('frame-marker'));
    ada.send({ type: 'signal', to: bob.self.peer, body: 'body-marker' });
    ada.sendFrame(randomId(), 0, Buffer.from('frame-marker'));
    await ada.next('error');
    await bob.next('signal');
    const text = await (await fetch(server.metricsUrl ?? '')).text();
    expect(text).toContain('peerweave_rooms 1');
    expect(text).toContain('peerweave_event_loop_lag_seconds{quantile="0.99"}');
    const markers = [room, ada.self.peer, ada.self.tag, bob.self.peer, session, 'marker', '127.0.0.1', '::1'];
    expect(markers.filter((marker) => text.includes(marker))).toEqual([]);
    const labels = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name]) => name);
    expect(new Set(labels)).toEqual(new Set(['reason', 'tier', 'quantile']));
  });
});
