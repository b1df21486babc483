import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FrameParser } from '../../../extension/src/p2p/link/frame-parser.ts';
import { ReplayBuffer } from '../../../extension/src/p2p/link/replay-buffer.ts';
import {
  controlFrame,
  dataFrame,
  FRAME_ACK,
  FRAME_PING,
  FRAME_PONG,
} from '../../../extension/src/p2p/link/resume-wire.ts';
import { ResumableStream } from '../../../extension/src/p2p/link/resumable-stream.ts';
import { keepBack, memoryPipes, turns } from '../../support/memory-pipes.ts';

describe('frame parser', () => {
  it('takes data and control apart, however they arrive', () => {
    const bytes = Buffer.concat([
      dataFrame(Buffer.from('abc')),
      controlFrame(FRAME_ACK, 2 ** 40),
      dataFrame(Buffer.alloc(0)),
      dataFrame(Buffer.from('defgh')),
      controlFrame(FRAME_PING, 7),
    ]);
    for (let size = 1; size <= bytes.length; size++) {
      const seen = { text: '', control: [] as [number, number][] };
      const parser = new FrameParser({
        data: (part) => (seen.text += part.toString()),
        control: (type, value) => seen.control.push([type, value]),
      });
      for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
      expect(seen).toEqual({
        text: 'abcdefgh',
        control: [
          [FRAME_ACK, 2 ** 40],
          [FRAME_PING, 7],
        ],
      });
    }
  });

  it.each([
    ['an unknown type', [9, 0, 0, 8]],
    ['a control frame of another length', [1, 0, 0, 9]],
    ['a data frame past the limit', [0, 0xff, 0xff, 0xff]],
  ])('refuses %s', (_, header) => {
    const parser = new FrameParser({ data: () => undefined, control: () => undefined });
    expect(() => parser.push(Buffer.from(header))).toThrow(/frame/);
  });
});

describe('replay buffer', () => {
  const filled = (): ReplayBuffer => {
    const replay = new ReplayBuffer();
    for (const text of ['abc', 'defg', 'h']) replay.append(Buffer.from(text));
    return replay;
  };
  const textFrom = (replay: ReplayBuffer, position: number): string | undefined =>
    replay.from(position) && Buffer.concat(replay.from(position)!.map((frame) => frame.subarray(4))).toString();

  it('goes back to any position that is not acknowledged', () => {
    const replay = filled();
    expect([0, 2, 3, 5, 8].map((at) => textFrom(replay, at))).toEqual(['abcdefgh', 'cdefgh', 'defgh', 'fgh', '']);
    expect(replay.acknowledge(5)).toBe(true);
    expect(replay.unacknowledged).toBe(3);
    expect([4, 5, 6, 8, 9].map((at) => textFrom(replay, at))).toEqual([undefined, 'fgh', 'gh', '', undefined]);
  });

  it('takes acknowledgements late and twice, and none of what was never sent', () => {
    const replay = filled();
    expect([replay.acknowledge(7), replay.acknowledge(3), replay.acknowledge(7), replay.acknowledge(9)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(textFrom(replay, 7)).toBe('h');
  });
});

/** Small, fast, repeatable randomness (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('resumable stream', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'loses and doubles nothing over breaking pipes [LI3] (seed %i)',
    async (seed) => {
      const chance = random(seed);
      const [a, b] = [new ResumableStream(), new ResumableStream()];
      const total = 400_000;
      const bytes = Buffer.from(Array.from({ length: total }, () => Math.floor(chance() * 256)));

      const connect = async (): Promise<void> => {
        const [near, far] = await memoryPipes();
        // The order and the moments of a resume: the acceptor's position is read before the dialer's, and either may be stale by then.
        const acceptorHas = b.received;
        for (let turn = Math.floor(chance() * 3); turn > 0; turn--)
          await new Promise((resolve) => setImmediate(resolve));
        const dialerHas = a.received;
        a.attach(near, acceptorHas, dialerHas);
        if (chance() < 0.2) near.stream.destroy();
        for (let turn = Math.floor(chance() * 3); turn > 0; turn--)
          await new Promise((resolve) => setImmediate(resolve));
        if (!near.stream.destroyed) b.attach(far, dialerHas, acceptorHas);
        else far.stream.destroy();
      };
      const send = async (from: ResumableStream): Promise<void> => {
        for (let at = 0; at < total;) {
          const size = 1 + Math.floor(chance() * 20_000);
          await from.room();
          await from.write(bytes.subarray(at, at + size));
          at += size;
        }
      };
      const receive = async (at: ResumableStream): Promise<string> => {
        const sum = createHash('sha256');
        for (let got = 0; got < total;) {
          const data = await at.read(1 + Math.floor(chance() * 9_000));
          sum.update(data!);
          got += data!.length;
        }
        return sum.digest('hex');
      };

      const test = { done: false };
      const network = (async () => {
        while (!test.done) {
          if (!a.current || !b.current) await connect();
          for (let turn = Math.floor(chance() * 8); turn > 0; turn--)
            await new Promise((resolve) => setImmediate(resolve));
          if (chance() < 0.5) (chance() < 0.5 ? a : b).detach(new Error('cut by the test'));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const [, , atA, atB] = await Promise.all([send(a), send(b), receive(a), receive(b)]);
      test.done = true;
      await network;
      const expected = createHash('sha256').update(bytes).digest('hex');
      expect([atA, atB]).toEqual([expected, expected]);
      await Promise.all([a.close(), b.close()]);
    },
  );

  it('makes producers wait while there is no transport, and lets them go on when there is [LI7]', async () => {
    const [a, b] = [new ResumableStream(), new ResumableStream()];
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    const producing = (async () => {
      while (written < 16 * 1024 * 1024) {
        await a.room();
        await a.write(chunk);
        written += chunk.length;
      }
    })();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThanOrEqual(2 * 1024 * 1024 + chunk.length);
    const [near, far] = await memoryPipes();
    b.attach(far);
    a.attach(near);
    for (let got = 0; got < 16 * 1024 * 1024;) got += (await b.read(1024 * 1024))!.length;
    await producing;
  });

  it('never rejects a write and ends reads once closed', async () => {
    const stream = new ResumableStream();
    const reading = stream.read(1);
    await stream.close();
    await stream.write(Buffer.from('x'));
    expect(await reading).toBeNull();
    expect(await stream.read(1)).toBeNull();
    expect(stream.isDisposed).toBe(true);
  });

  it('drops a transport on which the other side claims to have what was never sent', async () => {
    const stream = new ResumableStream();
    const lost = new Promise<Error | undefined>((resolve) => stream.onLost(resolve));
    const [near, far] = await memoryPipes();
    stream.attach(near);
    far.stream.write(controlFrame(FRAME_ACK, 1));
    expect((await lost)?.message).toContain('never sent');
  });

  it('counts what is sent again, and not what waited for its first transport', async () => {
    const [a, b] = [new ResumableStream(), new ResumableStream()];
    await a.write(Buffer.alloc(1_000));
    const [near, far] = await memoryPipes();
    b.attach(far);
    a.attach(near);
    await turns();
    expect([a.bytesResent, b.received]).toEqual([0, 1_000]);
    const release = keepBack(near);
    await a.write(Buffer.alloc(500));
    a.detach(new Error('cut by the test'));
    release();
    await a.write(Buffer.alloc(250));
    const [again, there] = await memoryPipes();
    a.attach(again, 1_000, 0);
    b.attach(there, 0, 1_000);
    await turns();
    expect([a.bytesResent, b.received, b.bytesResent]).toEqual([500, 1_750, 0]);
    expect(a.trafficByRoute.get('memory')).toEqual(a.traffic);
  });

  it('stays where it is when it is to go on from where it cannot', async () => {
    const stream = new ResumableStream();
    const [near] = await memoryPipes();
    stream.attach(near);
    const [other] = await memoryPipes();
    for (const [theirs, ours] of [
      [1, 0],
      [0, 1],
    ]) {
      expect(() => stream.attach(other, theirs, ours)).toThrow(expect.objectContaining({ reason: 'link-lost' }));
    }
    expect(stream.current).toBe(near);
  });

  it('holds nothing for replay after a ping, and counts answers', async () => {
    const [a, b] = [new ResumableStream(), new ResumableStream()];
    const [near, far] = await memoryPipes();
    a.attach(near);
    b.attach(far);
    await a.write(Buffer.alloc(1_000));
    await turns();
    expect([a.unacknowledged, a.answers]).toEqual([1_000, 0]);
    a.sendPing();
    await turns();
    expect([a.unacknowledged, a.answers]).toEqual([0, 2]);
  });

  it('answers a ping when the transport takes more again, the last one only', async () => {
    const stream = new ResumableStream();
    const [near, far] = await memoryPipes();
    stream.attach(near);
    // Nobody reads at the far end.
    for (let sent = 0; !near.stream.writableNeedDrain; sent++) await stream.write(Buffer.alloc(10_000));
    far.stream.write(Buffer.concat(Array.from({ length: 1_000 }, (_, token) => controlFrame(FRAME_PING, token))));
    await turns();
    const queued = near.stream.writableLength;
    far.stream.write(controlFrame(FRAME_PING, 1_001));
    await turns();
    expect(near.stream.writableLength).toBe(queued);
    const pongs: number[] = [];
    const parser = new FrameParser({
      data: () => undefined,
      control: (type, value) => {
        if (type === FRAME_PONG) pongs.push(value);
      },
    });
    far.stream.on('data', (data: Buffer) => parser.push(data));
    await turns();
    expect(pongs).toEqual([1_001]);
  });
});
