import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from '../../../extension/src/p2p/link/frames.ts';

describe('control frames', () => {
  it('are the length and the bytes', () => {
    expect(encodeFrame(Buffer.from('{}'))).toEqual(Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]));
  });

  it('come out whole, however they arrive', () => {
    const bytes = Buffer.concat(['', 'a', 'bcd', 'x'.repeat(1000)].map((text) => encodeFrame(Buffer.from(text))));
    for (const size of [1, 2, 3, 7, 500, bytes.length]) {
      const reader = new FrameReader(1000);
      const texts: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        reader.push(bytes.subarray(at, at + size));
        for (let frame = reader.next(); frame; frame = reader.next()) texts.push(frame.toString());
      }
      expect(texts).toEqual(['', 'a', 'bcd', 'x'.repeat(1000)]);
    }
  });

  it('are refused by their announced length, before anything is kept [LI8]', () => {
    const reader = new FrameReader(10);
    reader.push(Buffer.from([0, 0, 0, 11]));
    expect(() => reader.next()).toThrow(expect.objectContaining({ reason: 'message-too-large' }));
  });

  it('may be larger once the limit is raised', () => {
    const reader = new FrameReader(1);
    reader.limit = 3;
    reader.push(encodeFrame(Buffer.from('abc')));
    expect(reader.next()?.toString()).toBe('abc');
  });
});
