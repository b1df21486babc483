import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { constants, inflateSync } from 'node:zlib';
import { isOid, type Oid } from '../../../shared/ids.ts';
import { isMissing } from './files.ts';

/**
 * Reads loose objects (gitformat-loose: zlib of `<type> SP <size> NUL <content>`) without starting git. What a session just
 * made or received is nearly always loose, and these reads are on the way of every commit; the rest goes through git.
 */

export interface CommitHeader {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
}

export const looseObjectPath = (objectsDir: string, oid: string): string =>
  join(objectsDir, oid.slice(0, 2), oid.slice(2));

/** Tree and parents of a commit; undefined when it is not loose (or too large to be an ordinary commit). Synchronous, as below. */
export function readLooseCommit(objectsDir: string, oid: Oid): CommitHeader | undefined {
  let packed: Buffer;
  try {
    packed = readFileSync(looseObjectPath(objectsDir, oid));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  let text: string;
  try {
    text = inflateSync(packed, { maxOutputLength: 1024 * 1024 }).toString('latin1');
  } catch {
    return undefined;
  }
  const body = text.indexOf('\0') + 1;
  if (!text.startsWith('commit ')) return undefined;
  let tree: Oid | undefined;
  const parents: Oid[] = [];
  for (const line of text.slice(body).split('\n')) {
    const [key, value = ''] = line.split(' ');
    if (key === 'tree' && isOid(value)) tree = value;
    else if (key === 'parent' && isOid(value)) parents.push(value);
    else break;
  }
  return tree === undefined ? undefined : { tree, parents };
}

/** The type's name, a size of 20 digits, and what is between. */
const HEADER_BYTES = 32;
/** Deflate's tables come before the first byte, and with codes for every byte and every distance take 300 bytes (RFC 1951 §3.2.7). */
const DEFLATED_START_BYTES = 512;

/**
 * Inflated size in bytes of a loose object, from its header alone. Synchronous, as there are never more than a few: each takes 30 µs,
 * and half a millisecond through the pool of threads.
 */
export function looseObjectSize(path: string): number {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(DEFLATED_START_BYTES);
    const size = /^[a-z]+ (\d+)\0/.exec(inflateStart(start.subarray(0, readSync(file, start))))?.[1];
    if (size === undefined) throw new Error(`not a loose object: ${path}`);
    return Number(size);
  } finally {
    closeSync(file);
  }
}

/** What the first bytes of a zlib stream give: half a megabyte at the most, however large the object claims to be. */
const inflateStart = (input: Buffer): string =>
  inflateSync(input, { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1', 0, HEADER_BYTES);
