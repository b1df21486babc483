import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OpenChannel } from '../../../extension/src/p2p/transport/webrtc-process/channel.ts';
import type { DataChannel } from '../../../extension/src/p2p/transport/webrtc-process/native.ts';
import type { ConnectionEvent } from '../../../extension/src/p2p/transport/webrtc-process/wire.ts';
import type { PeerweaveError } from '../../../extension/src/shared/errors.ts';

const KIB = 1024;

function setUp() {
  const events: ConnectionEvent[] = [];
  const passed: (() => void)[] = [];
  const ends: (PeerweaveError | undefined)[] = [];
  let buffered = 0;
  let receive: (message: Buffer) => void = () => undefined;
  const library = {
    setBufferedAmountLowThreshold: () => undefined,
    onBufferedAmountLow: () => undefined,
    onMessage: (listener: typeof receive) => (receive = listener),
    bufferedAmount: () => buffered,
    sendMessageBinary: () => true,
  };
  const channel = new OpenChannel(library as unknown as DataChannel, {
    tell: (event) => events.push(event),
    pass: (_, gone) => passed.push(gone),
    hangUp: (error) => ends.push(error),
  });
  const holdBack = (bytes: number): void => void (buffered = bytes);
  return { channel, events, passed, ends, holdBack, receive: (message: Buffer) => receive(message) };
}

describe('an open data channel', () => {
  it('holds no more for an engine that does not read than a peer may have under way', () => {
    const { receive, passed, ends } = setUp();
    for (let i = 0; i < 16; i++) receive(Buffer.alloc(64 * KIB));
    expect(passed).toHaveLength(16);
    expect(ends).toEqual([]);
    receive(Buffer.alloc(1));
    expect(passed).toHaveLength(16);
    expect(ends).toEqual([expect.objectContaining({ reason: 'protocol-violation' })]);
  });

  it('takes whatever comes as long as the engine reads', () => {
    const { receive, passed, ends } = setUp();
    for (let i = 0; i < 100; i++) {
      receive(Buffer.alloc(64 * KIB));
      passed.at(-1)!();
    }
    expect(ends).toEqual([]);
  });

  it('tells once a turn how much has left it', async () => {
    const { channel, events, holdBack } = setUp();
    for (let i = 0; i < 3; i++) channel.send(Buffer.alloc(64 * KIB));
    holdBack(32 * KIB);
    expect(events).toEqual([]);
    await turn();
    expect(events).toEqual([{ kind: 'sent', bytes: 160 * KIB }]);
    holdBack(0);
    channel.send(Buffer.alloc(KIB));
    await turn();
    expect(events).toEqual([
      { kind: 'sent', bytes: 160 * KIB },
      { kind: 'sent', bytes: 33 * KIB },
    ]);
    channel.send(Buffer.alloc(KIB));
    channel.dispose();
    await turn();
    expect(events).toHaveLength(2);
  });
});
