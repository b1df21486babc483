import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { MergeRoom } from './merge-room.ts';

/** Nobody in particular: everybody makes the same commit. `.invalid` is never anybody's domain (RFC 2606). */
const IDENTITY = 'Peerweave <merge@peerweave.invalid>';

export interface MergeObject {
  readonly tree: Oid;
  /** In the order they are written. */
  readonly parents: readonly Oid[];
  /** Ends with a line break. */
  readonly message: string;
}

/**
 * Writes a merge commit whose every byte follows from its tree, parents and message, and returns its id. Its date is that of its
 * newest parent, in UTC, so that it takes its place in the history and needs no clock. Nothing signs it.
 */
export async function writeMergeCommit(room: MergeRoom, { tree, parents, message }: MergeObject): Promise<Oid> {
  const stamp = `${IDENTITY} ${await newestTime(room, parents)} +0000`;
  return writeCommit(room, [
    `tree ${tree}\n`,
    ...parents.map((parent) => `parent ${parent}\n`),
    `author ${stamp}\n`,
    `committer ${stamp}\n`,
    `\n${message}`,
  ]);
}

/** Writes a commit of these pieces (gitformat `commit`), and returns its id. */
export async function writeCommit(room: MergeRoom, pieces: readonly (string | Buffer)[]): Promise<Oid> {
  const text = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
  const { stdout } = await room.run(['hash-object', '-t', 'commit', '-w', '--stdin'], { input: text });
  const oid = stdout.trim();
  if (!isOid(oid)) throw new PeerweaveError('internal', 'git hash-object did not name the commit that it wrote.');
  return oid;
}

/** Seconds since 1970. */
async function newestTime(room: MergeRoom, commits: readonly Oid[]): Promise<number> {
  const args = ['rev-list', '--no-walk=unsorted', '--no-commit-header', '--format=%ct', ...commits];
  const times = (await room.run(args)).stdout.trim().split('\n');
  if (!times.every((time) => /^[0-9]{1,15}$/.test(time))) {
    throw new PeerweaveError('internal', 'A commit that is to be merged has a date that cannot be read.');
  }
  return Math.max(...times.map(Number));
}
