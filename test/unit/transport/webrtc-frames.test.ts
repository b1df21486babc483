import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL, frameHeader, FrameParser } from '../../../extension/src/p2p/transport/webrtc-process/frames.ts';
import { MAX_CHANNEL_MESSAGE_BYTES } from '../../../extension/src/p2p/transport/webrtc-process/wire.ts';

interface Frame {
  readonly connection: number;
  readonly payload: Buffer;
}

const written = ({ connection, payload }: Frame): Buffer =>
  Buffer.concat([frameHeader(connection, payload.length), payload]);

const frames = fc.array(
  fc.record({
    connection: fc.oneof(fc.constant(CONTROL), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
    payload: fc
      .oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(MAX_CHANNEL_MESSAGE_BYTES - 1, MAX_CHANNEL_MESSAGE_BYTES))
      .chain((length) => fc.nat(255).map((byte) => Buffer.alloc(length, byte))),
  }),
  { maxLength: 12 },
);
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 100_000 })));

describe('frames between an engine and its WebRTC process', () => {
  it('come apart again, wherever the stream is cut, into memory that is used again', () => {
    fc.assert(
      fc.property(frames, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(written));
        const [chunk, parts] = [Buffer.alloc(Math.max(stream.length, 1)), Buffer.alloc(MAX_CHANNEL_MESSAGE_BYTES)];
        const got: Frame[] = [];
        const parser = new FrameParser(
          (connection, payload) => got.push({ connection, payload: Buffer.from(payload) }),
          parts,
        );
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          const copied = stream.copy(chunk, 0, at, at + size);
          parser.push(chunk.subarray(0, copied));
          at += copied;
        }
        expect(got.map(({ connection }) => connection)).toEqual(sent.map(({ connection }) => connection));
        expect(Buffer.concat(got.map(written)).equals(stream)).toBe(true);
      }),
    );
  });

  it('gives each message memory of its own where none is lent, so that chunks can be used again', () => {
    fc.assert(
      fc.property(frames, cuts, (all, sizes) => {
        const sent = all.filter(({ connection }) => connection !== CONTROL);
        const stream = Buffer.concat(sent.map(written));
        const got: Frame[] = [];
        const parser = new FrameParser((connection, payload) => got.push({ connection, payload }));
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          const chunk = Buffer.from(stream.subarray(at, at + size));
          parser.push(chunk);
          chunk.fill(0);
          at += chunk.length;
        }
        expect(Buffer.concat(got.map(written)).equals(stream)).toBe(true);
      }),
    );
  });

  it('lends a frame that came whole as it came', () => {
    const got: Buffer[] = [];
    const stream = Buffer.concat([7, 8].map((connection) => written({ connection, payload: Buffer.from('hello') })));
    const parser = new FrameParser((_, payload) => got.push(payload), Buffer.alloc(MAX_CHANNEL_MESSAGE_BYTES));
    parser.push(stream);
    expect(got.map(String)).toEqual(['hello', 'hello']);
    expect(got[1]!.buffer).toBe(stream.buffer);
  });

  it.each([
    ['an empty frame', 7, 0],
    ['an empty control message', CONTROL, 0],
    ['more than a data channel takes', 7, MAX_CHANNEL_MESSAGE_BYTES + 1],
    ['a control message of 2 GiB', CONTROL, 2 ** 31],
  ])('are refused before memory is asked for: %s', (_, connection, length) => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(length, 0);
    header.writeUInt32BE(connection, 4);
    const parser = new FrameParser(() => expect.unreachable());
    const refusal = `a frame of ${length} bytes for connection ${connection}`;
    expect(() => parser.push(header)).toThrow(refusal);
    expect(() => frameHeader(connection, length)).toThrow(refusal);
  });
});
