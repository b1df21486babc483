import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** All that comes. Unlike `buffer` of node:stream/consumers, which destroys what it has read, it leaves the other direction open. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** The SHA-256 of all that comes. */
export async function drink(stream: Duplex): Promise<string> {
  const sum = createHash('sha256');
  // Whoever has read all may still have to write; the plain iterator would destroy the stream.
  for await (const data of stream.iterator({ destroyOnReturn: false })) sum.update(data as Buffer);
  return sum.digest('hex');
}
