import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { turnFrame, TurnStreamParser } from '../../../extension/src/p2p/transport/webrtc-process/turn-stream.ts';

/** A STUN message with attributes of so many bytes: a multiple of 4. */
function stun(length: number): Buffer {
  const message = Buffer.alloc(20 + length, 7);
  message.writeUInt16BE(0x0001, 0);
  message.writeUInt16BE(length, 2);
  return message;
}

function channelData(length: number): Buffer {
  const message = Buffer.alloc(4 + length, 9);
  message.writeUInt16BE(0x4001, 0);
  message.writeUInt16BE(length, 2);
  return message;
}

describe('TURN on a stream', () => {
  it('pads ChannelData to four bytes, and leaves STUN as it is (RFC 8656 §12.5)', () => {
    expect(turnFrame(stun(8))).toEqual(stun(8));
    expect(turnFrame(channelData(5))).toEqual(Buffer.concat([channelData(5), Buffer.alloc(3)]));
    expect(turnFrame(channelData(8))).toEqual(channelData(8));
    expect(turnFrame(Buffer.concat([channelData(5), Buffer.alloc(3)]))).toHaveLength(12);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['three bytes', Buffer.alloc(3)],
    ['DTLS', Buffer.from([0x16, 0xfe, 0xfd, 0, 0])],
    ['a first bit of neither', Buffer.from([0x80, 0, 0, 4, 1, 2, 3, 4])],
    ['STUN that is cut off', stun(8).subarray(0, 24)],
    ['STUN with more behind it', Buffer.concat([stun(8), Buffer.alloc(4)])],
    ['ChannelData that is cut off', channelData(9).subarray(0, 12)],
  ])('does not forward %s', (_, datagram) => expect(turnFrame(datagram)).toBeUndefined());

  it('comes apart again, wherever the stream is cut', () => {
    const message = fc.oneof(
      fc.nat(40).map((words) => stun(words * 4)),
      fc.nat(1_500).map(channelData),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 700 })),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map((each) => turnFrame(each)!));
          const parser = new TurnStreamParser();
          const got: Buffer[] = [];
          let at = 0;
          for (const size of [...cuts, stream.length]) {
            got.push(...parser.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(got).toEqual(messages);
        },
      ),
    );
  });

  it('refuses what is no TURN', () => {
    expect(() => new TurnStreamParser().push(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))).not.toThrow(RangeError);
    expect(() => new TurnStreamParser().push(Buffer.from([0xff, 0, 0, 0]))).toThrow(/no TURN/);
  });
});
