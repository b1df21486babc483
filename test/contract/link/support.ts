import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecStream, Link } from '../../../extension/src/p2p/link/link.ts';
import type { TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { next, type LinkLab, type Person } from '../../support/link-lab.ts';

export const MIB = 1024 * 1024;

/** What the parts of the contract share; `lab` is a new one in each test. */
export interface LinkContract {
  readonly lab: LinkLab;
  /** MiB to move each way where much is to be moved. */
  readonly bulk: number;
  /** An address of the tier's form where nobody is. */
  nobody(): Promise<TransportAddress>;
}

export async function acceptedBy(person: Person): Promise<Link> {
  return person.accepted[0] ?? next(person.host.onLink);
}

export const binding = (link: Link): string => Buffer.from(link.sessionBinding).toString('hex');

export function echo(stream: ExecStream): boolean {
  buffer(stream).then(
    (data) => {
      stream.write(data);
      stream.exit(0);
    },
    () => stream.destroy(),
  );
  return true;
}

/** Resolves when a stream is closed, with or without an error. */
export async function gone(stream: ExecStream): Promise<void> {
  stream.on('error', () => undefined);
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/** Resolves when `condition` holds, looked at in each turn of the loop; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** True when the stream takes more within a time that is ample for anything local that is going to happen. */
export function drains(stream: Writable): Promise<boolean> {
  return Promise.race([once(stream, 'drain').then(() => true), delay(200, false)]);
}

const seed = randomBytes(MIB);
export function pieceOf(index: number): Buffer {
  const piece = Buffer.from(seed);
  piece.writeUInt32BE(index);
  return piece;
}

/** Writes so many MiB of known content and ends; resolves to their SHA-256. */
export async function pour(stream: Writable, pieces: number): Promise<string> {
  const sum = createHash('sha256');
  for (let index = 0; index < pieces; index++) {
    const piece = pieceOf(index);
    sum.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return sum.digest('hex');
}

export async function drink(stream: Readable, sum: ReturnType<typeof createHash>): Promise<void> {
  // Whoever has read all may still have to write; the plain iterator would destroy the stream.
  for await (const data of stream.iterator({ destroyOnReturn: false })) sum.update(data as Buffer);
}

/** Cuts the transport on either side each time it has carried some more. */
export function breakRepeatedly([a, b]: [Person, Person], link: Link, onCut: () => void): { stop: () => void } {
  let at = 0;
  let turn = 0;
  const timer = setInterval(() => {
    const moved = link.bytesSent + link.bytesReceived;
    if (link.state !== 'connected' || moved - at < 12 * MIB) return;
    at = moved;
    onCut();
    (turn++ % 2 === 0 ? a : b).network.cut();
  }, 1);
  return { stop: () => clearInterval(timer) };
}
