import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** All that comes. Unlike `buffer` of node:stream/consumers, which destroys what it has read, it leaves the other direction open. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}
