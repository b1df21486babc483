import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { relayedBytes } from './relayed-bytes.ts';
import { withTwo, type BenchTier } from './tier-people.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * What a tier carries both ways beyond the bytes of a stream of `megabytes`, in percent of these: SSH, resume, acknowledgements, and for relay
 * and JSON the frames, as the server counts them. What the kernel and SCTP add below a link is not in it.
 */
export function tierOverhead(
  server: { readonly url: string; readonly metrics: string },
  tier: BenchTier,
  megabytes: number,
): Promise<number> {
  return withTwo(server.url, [tier], async (dial, host) => {
    host.onLink((accepted) =>
      accepted.onExec((_, stream) => {
        stream.resume();
        stream.on('end', () => stream.exit(0));
        return true;
      }),
    );
    const link = await dial();
    const carried = async (): Promise<number> => (await relayedBytes(server.metrics, tier)) || linkBytes();
    const linkBytes = (): number => link.bytesSent + link.bytesReceived;
    const before = await carried();
    const stream = await link.exec('drink');
    stream.resume();
    const chunk = randomBytes(CHUNK_BYTES);
    for (let sent = 0; sent < megabytes; sent++) if (!stream.write(chunk)) await once(stream, 'drain');
    stream.end();
    await once(stream, 'close');
    return (((await carried()) - before) / (megabytes * CHUNK_BYTES) - 1) * 100;
  });
}
