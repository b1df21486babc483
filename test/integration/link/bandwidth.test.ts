import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bandwidth } from '../../../extension/src/p2p/link/bandwidth.ts';
import type { ExecStream, Link } from '../../../extension/src/p2p/link/link.ts';
import { tcpTransport } from '../../../extension/src/p2p/transport/tcp.ts';
import { LinkLab } from '../../support/link-lab.ts';

const MIB = 1024 * 1024;
const NONE = { up: 0, down: 0 };

let lab: LinkLab;
beforeEach(() => {
  lab = new LinkLab(() => tcpTransport, '127.0.0.1');
});
afterEach(() => lab.dispose());

describe('limits while a transfer runs', () => {
  it.each([
    ['of what goes up', 'sender', { up: 16 * 1024, down: 0 }],
    ['of what comes down', 'reader', { up: 0, down: 16 * 1024 }],
  ] as const)('%s: hold data up, and nothing else; lifted, it flows at once', async (_, who, limits) => {
    const bandwidth = new Bandwidth(NONE);
    const [reader, sender] = [
      await lab.person(who === 'reader' ? { bandwidth } : {}),
      await lab.person(who === 'sender' ? { bandwidth } : {}),
    ];
    const [atReader, atSender] = await lab.link(reader, sender);
    const counted = await pour(atReader, atSender, 24 * MIB);
    await until(() => counted.read > MIB);
    bandwidth.setLimits(limits);
    // Many round trips, both ways; each is answered although data waits for minutes.
    const before = counted.read;
    for (let round = 0; round < 50; round++) {
      expect(await atReader.control.request('ping', {})).toEqual({});
      expect(await atSender.control.request('ping', {})).toEqual({});
    }
    // What was under way may still come: a window, and what the two ends had in hand.
    expect(counted.read - before).toBeLessThan(2 * MIB);
    bandwidth.setLimits(NONE);
    await counted.end;
    expect(counted.read).toBe(24 * MIB);
  });

  it('are shared by all links of an engine', async () => {
    const bandwidth = new Bandwidth({ up: 2 * MIB, down: 0 });
    const sender = await lab.person({ bandwidth });
    const readers = await Promise.all([lab.person(), lab.person(), lab.person()]);
    const transfers = await Promise.all(
      readers.map(async (reader) => {
        const [atReader, atSender] = await lab.link(reader, sender);
        return pour(atReader, atSender, MIB / 2);
      }),
    );
    await Promise.race(transfers.map(({ end }) => end));
    // Whoever is first has not left the others behind.
    for (const { read } of transfers) expect(read).toBeGreaterThan(MIB / 4);
    await Promise.all(transfers.map(({ end }) => end));
  });
});

/** Has the other side send so many bytes; counts those that have arrived. */
async function pour(at: Link, from: Link, bytes: number): Promise<{ read: number; end: Promise<void> }> {
  from.onExec((_, stream) => {
    void feed(stream, bytes);
    return true;
  });
  const stream = await at.exec('pour');
  const counted = { read: 0, end: Promise.resolve() };
  counted.end = (async () => {
    for await (const data of stream) counted.read += (data as Buffer).length;
  })();
  return counted;
}

async function feed(stream: ExecStream, bytes: number): Promise<void> {
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.on('error', () => undefined);
  const chunk = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0 && !stream.destroyed; left -= chunk.length) {
    if (stream.write(chunk.subarray(0, left))) continue;
    await Promise.race([new Promise<void>((resolve) => stream.once('drain', resolve)), closed]);
  }
  stream.exit(0);
}

/** Looked at in each turn of the loop; the test's own timeout is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
