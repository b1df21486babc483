import { describe, expect, it } from 'vitest';
import { pktLine, PktLineError, PktLineReader } from '../../../extension/src/p2p/repo/git/pkt-line.ts';

/** The bytes in pieces of `size`, as a network might deliver them. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const reader = (text: string | Buffer, size = 1 << 16): PktLineReader =>
  new PktLineReader(pieces(Buffer.from(text), size));

const band = (number: number, payload: Buffer | string): Buffer => {
  const body = Buffer.concat([Buffer.from([number]), Buffer.from(payload)]);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
};

async function collect(source: PktLineReader): Promise<{ pack: string; progress: string }> {
  let pack = '';
  let progress = '';
  for await (const slice of source.sideband((text) => (progress += text))) pack += slice.toString('latin1');
  return { pack, progress };
}

describe('pkt-line', () => {
  it('counts its own four digits and bytes, not characters', () => {
    expect(pktLine('a\n')).toBe('0006a\n');
    expect(pktLine('é')).toBe('0006é');
  });

  it.each([1, 3, 7, 100])('is read from pieces of %i bytes', async (size) => {
    const source = reader('0006a\n00000004000ahello\n', size);
    expect(String(await source.packet())).toBe('a\n');
    expect(await source.packet()).toBe('flush');
    expect(String(await source.packet())).toBe('');
    expect(String(await source.packet())).toBe('hello\n');
    expect(await source.packet()).toBeUndefined();
  });

  it.each(['00', 'zzzz', '0003', 'fff5', '0009abc'])('%j breaks the framing', async (text) => {
    await expect(reader(text).packet()).rejects.toBeInstanceOf(PktLineError);
  });

  it.each([1, 5, 1000])('side-band is demultiplexed from pieces of %i bytes', async (size) => {
    const stream = Buffer.concat([
      band(2, 'Counting: 1\n'),
      band(1, 'PACK'),
      band(1, 'rest'),
      band(2, 'done\n'),
      Buffer.from('0000'),
    ]);
    expect(await collect(reader(stream, size))).toEqual({ pack: 'PACKrest', progress: 'Counting: 1\ndone\n' });
  });

  it.each([
    ['ends before the flush', band(1, 'PACK')],
    ['ends inside a packet', band(1, 'PACK').subarray(0, 7)],
    ['has a packet without a band', Buffer.from('0004')],
    ["carries the peer's error", band(3, 'out of memory')],
  ])('a side-band stream that %s is refused', async (_what, stream) => {
    await expect(collect(reader(stream))).rejects.toBeInstanceOf(PktLineError);
  });
});
