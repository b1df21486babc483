import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createIdentity } from '../../extension/src/p2p/link/identity.ts';
import { SignalingClient } from '../../extension/src/p2p/signaling/signaling-client.ts';
import type { Pipe } from '../../extension/src/p2p/transport/transport.ts';
import { webRtcProcess } from '../../extension/src/p2p/transport/webrtc-process.ts';
import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';

/** What the test asks of a peer in a process of its own. It answers with `PeerAnswer`, one for each. */
export type PeerRequest =
  /** Sends so many bytes to whoever has that tag, and reads them back from its echo. */
  | { readonly kind: 'echo'; readonly tag: string; readonly bytes: number }
  /** Sends to whoever has that tag until the pipe ends. */
  | { readonly kind: 'pour'; readonly tag: string }
  /** Ends as a program does that has nothing more to do, whatever is open. */
  | { readonly kind: 'exit' };

export type PeerAnswer =
  | { readonly kind: 'here'; readonly tag: string }
  | { readonly kind: 'echoed'; readonly sent: string; readonly received: string; readonly route: string }
  | { readonly kind: 'pouring'; readonly helper: number }
  | { readonly kind: 'ended'; readonly reason: string };

const [url = '', secret = ''] = process.argv.slice(2);
const signaling = new SignalingClient({
  urls: [url],
  secret: Buffer.from(secret, 'hex'),
  peer: createIdentity().peer,
  log: silentLogger,
});
const transport = webrtcTransport(signaling, { log: silentLogger });
const say = (answer: PeerAnswer): void => void process.send?.(answer);

process.on('disconnect', () => process.exit());
process.on('message', (request: PeerRequest) => void answer(request));
await signaling.joined();
await transport.listen({ onPipe: ({ stream }) => stream.pipe(stream) });
say({ kind: 'here', tag: signaling.self.tag });

async function answer(request: PeerRequest): Promise<void> {
  if (request.kind === 'exit') process.exit();
  while (signaling.peers.every(({ tag }) => tag !== request.tag)) await new Promise((resolve) => setImmediate(resolve));
  const pipe = await transport.dial({ tier: 'webrtc', value: request.tag });
  await (request.kind === 'echo' ? echo(pipe, request.bytes) : pour(pipe));
}

async function echo({ stream, route }: Pipe, bytes: number): Promise<void> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  stream.on('data', (data: Buffer) => received.update(data));
  const piece = randomBytes(64 * 1024);
  for (let left = bytes; left > 0; left -= piece.length) {
    piece.writeUInt32BE(left);
    sent.update(piece);
    if (!stream.write(Buffer.from(piece))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'end');
  say({ kind: 'echoed', sent: sent.digest('hex'), received: received.digest('hex'), route });
}

async function pour({ stream }: Pipe): Promise<void> {
  stream.resume();
  const ended = new Promise<unknown>((resolve) => stream.once('error', resolve).once('close', resolve));
  say({ kind: 'pouring', helper: webRtcProcess.pid ?? 0 });
  const piece = Buffer.alloc(16 * 1024);
  const timer = setInterval(() => stream.writableNeedDrain || stream.write(piece), 1);
  const error = await ended;
  clearInterval(timer);
  say({ kind: 'ended', reason: (error as { reason?: string } | undefined)?.reason ?? 'none' });
}
