import type { SshClientSession } from '@microsoft/dev-tunnels-ssh';
import type { ChannelStream } from '../../extension/src/p2p/link/channel-stream.ts';
import { MAX_CONTROL_FRAME_BYTES } from '../../extension/src/p2p/link/control-protocol.ts';
import { encodeFrame, FrameReader } from '../../extension/src/p2p/link/frames.ts';
import { encodeHello } from '../../extension/src/p2p/link/hello.ts';
import { createIdentity } from '../../extension/src/p2p/link/identity.ts';
import { KIND_NEW, preface } from '../../extension/src/p2p/link/resume-wire.ts';
import { ResumableStream } from '../../extension/src/p2p/link/resumable-stream.ts';
import type { SshChannels } from '../../extension/src/p2p/link/ssh-channels.ts';
import { connectAsDialer, sshKeyPair } from '../../extension/src/p2p/link/ssh-session.ts';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import type { Person } from './link-lab.ts';

/** Somebody who authenticates properly and then says whatever a test wants on the control channel. */
export interface HostileDialer {
  readonly session: SshClientSession;
  readonly channels: SshChannels;
  readonly control: ChannelStream;
  /** What the victim said on the control channel so far, its hello first. */
  readonly heard: unknown[];
  /** Sends one frame: bytes as they are, anything else as JSON. */
  say(message: unknown): void;
  close(): void;
}

const HELLO = { protocol: 1, software: 'hostile/1', instance: 'x', dial: 1, capabilities: [] };

/** `hello` replaces the first frame; null says nothing. */
export async function hostileDialer(victim: Person, hello: unknown = HELLO): Promise<HostileDialer> {
  const identity = createIdentity();
  const pipe = await tcpTransport.dial(victim.addresses[0]!);
  pipe.stream.write(preface(KIND_NEW));
  const stream = new ResumableStream();
  stream.onLost(() => void stream.close());
  stream.attach(pipe);
  const key = await sshKeyPair(identity);
  const { session, channels } = await connectAsDialer(stream, key, victim.identity.peer, async () => undefined);
  const control = await channels.openControl();
  const heard: unknown[] = [];
  const frames = new FrameReader(MAX_CONTROL_FRAME_BYTES);
  control.on('error', () => undefined);
  control.on('data', (data: Buffer) => {
    frames.push(data);
    for (let frame = frames.next(); frame; frame = frames.next()) heard.push(JSON.parse(frame.toString()));
  });
  const say = (message: unknown): void => {
    control.write(encodeFrame(Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message))));
  };
  if (hello === HELLO) control.write(encodeFrame(encodeHello(HELLO)));
  else if (hello !== null) say(hello);
  return { session, channels, control, heard, say, close: () => void stream.close() };
}
