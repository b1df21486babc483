import { createIdentity } from '../../extension/src/p2p/link/identity.ts';
import type { ExecStream } from '../../extension/src/p2p/link/link.ts';
import { LinkHost } from '../../extension/src/p2p/link/link-host.ts';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';

/**
 * A link host in a process of its own, for tests. Tells its parent who and where it is, admits everybody, and serves
 * `pour <bytes>` (sends so many) and `count` (answers with how many it got). Ends when its parent does.
 */
const identity = createIdentity();
const host = new LinkHost({ identity, transports: [tcpTransport], log: silentLogger, software: 'test/1' });
host.onLink((link) => {
  link.admit();
  link.onExec((command, stream) => {
    const [verb, bytes] = command.split(' ');
    if (verb === 'pour') void pour(stream, Number(bytes));
    else if (verb === 'count') void count(stream);
    else return false;
    return true;
  });
});
process.on('disconnect', () => process.exit());
process.on('message', () => process.send?.({ rss: process.memoryUsage.rss() }));
const { addresses } = await host.listen({ host: '127.0.0.1' });
process.send?.({ peer: identity.peer, addresses });

async function pour(stream: ExecStream, bytes: number): Promise<void> {
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.on('error', () => undefined).resume();
  const chunk = Buffer.alloc(64 * 1024, 0x70);
  for (let left = bytes; left > 0 && !stream.destroyed; left -= chunk.length) {
    if (stream.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) continue;
    const drained = Promise.withResolvers<undefined>();
    stream.once('drain', drained.resolve);
    await Promise.race([drained.promise, closed]);
  }
  stream.exit(0);
}

async function count(stream: ExecStream): Promise<void> {
  let bytes = 0;
  stream.on('error', () => undefined);
  for await (const data of stream) bytes += (data as Buffer).length;
  stream.write(String(bytes));
  stream.exit(0);
}
