import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { deflatingPort } from '../../../extension/src/p2p/transport/deflating-port.ts';
import { messageStream } from '../../../extension/src/p2p/transport/message-stream.ts';
import { MemoryPort } from '../../support/memory-port.ts';

const MAX = 40_000;

function ports(): { near: MemoryPort; far: MemoryPort; send: (message: Buffer) => void; received: Uint8Array[] } {
  const [near, far] = MemoryPort.pair(MAX);
  const received: Uint8Array[] = [];
  deflatingPort(far).onMessage((message) => received.push(message));
  const deflating = deflatingPort(near);
  const send = (message: Buffer): void => {
    deflating.send(message);
    near.deliver();
  };
  return { near, far, send, received };
}

describe('deflating port', () => {
  it('sends text smaller, and brings it as it was', () => {
    const { near, send, received } = ports();
    const text = Buffer.from(
      '\x01' + JSON.stringify(Array.from({ length: 300 }, (_, n) => ({ ref: `refs/heads/${n}` }))),
    );
    send(text);
    expect(near.sent[0]!.length).toBeLessThan(text.length / 2);
    expect(Buffer.from(received[0]!).equals(text)).toBe(true);
  });

  it.each([
    ['what is encrypted', Buffer.concat([Buffer.of(1), randomBytes(30_000)])],
    ['what is short', Buffer.concat([Buffer.of(1), Buffer.alloc(300)])],
  ])('leaves %s as it is, without a copy', (_, message) => {
    const { near, send, received } = ports();
    send(message);
    expect(near.sent[0] === message).toBe(true);
    expect(received[0] === message).toBe(true);
  });

  it.each([
    ['a bomb', Buffer.concat([Buffer.of(0x7f), deflateRawSync(Buffer.alloc(100 * MAX))])],
    ['rubbish', Buffer.concat([Buffer.of(0x7f), randomBytes(100)])],
    ['nothing', Buffer.of(0x7f)],
  ])('ends the stream of whoever sends %s [LI8]', (_, message) => {
    const [near, far] = MemoryPort.pair(MAX);
    const stream = messageStream(deflatingPort(far));
    near.send(message);
    near.deliver();
    expect(stream.errored).toMatchObject({ reason: 'protocol-violation' });
  });
});
