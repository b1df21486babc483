import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, createInflate, inflateSync } from 'node:zlib';
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

/** Tree and parents of a commit; undefined when it is not loose (or too large to be an ordinary commit). */
export async function readLooseCommit(objectsDir: string, oid: Oid): Promise<CommitHeader | undefined> {
  let packed: Buffer;
  try {
    packed = await readFile(looseObjectPath(objectsDir, oid));
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

/** Inflated size in bytes of a loose object, from its header alone. */
export async function looseObjectSize(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(128), 0, 128, 0);
    const header = await inflateStart(buffer.subarray(0, bytesRead));
    const size = /^[a-z]+ (\d+)\0/.exec(header)?.[1];
    if (size === undefined) throw new Error(`not a loose object: ${path}`);
    return Number(size);
  } finally {
    await handle.close();
  }
}

/** Inflates what the first bytes of a zlib stream give: enough for the header, whatever the object's size. */
function inflateStart(input: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const inflate = createInflate({ chunkSize: 64, finishFlush: constants.Z_SYNC_FLUSH });
    inflate.once('error', reject);
    inflate.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1'));
      inflate.destroy();
    });
    inflate.once('end', () => resolve(''));
    inflate.end(input);
  });
}
