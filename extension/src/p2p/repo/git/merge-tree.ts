import { PeerweaveError } from '../../../shared/errors.ts';
import { isOid, type Oid } from '../../../shared/ids.ts';
import type { ConflictStage } from '../merge.ts';
import { GitFailure } from './git-failure.ts';
import type { MergeRoom } from './merge-room.ts';

/** What git has to say of one thing that it met. */
export interface MergeMessage {
  readonly paths: readonly string[];
  /** A stable string, `CONFLICT (contents)`. */
  readonly type: string;
}

/** The stages of one path: 1 base, 2 ours, 3 theirs. */
export type Stages = Readonly<Partial<Record<'1' | '2' | '3', ConflictStage>>>;

export interface MergeTreeResult {
  readonly clean: boolean;
  readonly tree: Oid;
  readonly stages: ReadonlyMap<string, Stages>;
  readonly messages: readonly MergeMessage[];
  /** There was more than is held: what is missing are stages and messages, never whether it was clean. */
  readonly truncated: boolean;
}

/**
 * Merges two commits into a tree (git-merge-tree(1)), which with its blobs is written into the room. Undefined when they share no
 * history. Throws `GitFailure`, `PeerweaveError` with `cancelled`, `timeout`, and `internal` when git says what it never said before.
 */
export async function mergeTree(
  room: Pick<MergeRoom, 'run'>,
  ours: Oid,
  theirs: Oid,
): Promise<MergeTreeResult | undefined> {
  const args = ['merge-tree', '--write-tree', '-z', '--messages', ours, theirs];
  try {
    const { code, stdout, truncated } = await room.run(args, { answers: [0, 1] });
    return { clean: code === 0, ...parseMergeTree(stdout, truncated), truncated };
  } catch (error) {
    // Git has an exit code for any failure, and the reason only in words.
    if (error instanceof GitFailure && (await mergeBases(room, [ours, theirs])).length === 0) return undefined;
    throw error;
  }
}

/** The best common ancestors of all these commits; none when they share no history. */
export async function mergeBases(room: Pick<MergeRoom, 'run'>, tips: readonly Oid[]): Promise<Oid[]> {
  const args = tips.length > 2 ? ['merge-base', '--octopus', '--all'] : ['merge-base', '--all'];
  const { stdout } = await room.run([...args, ...tips], { answers: [0, 1] });
  return stdout.split('\n').filter((line) => isOid(line));
}

/**
 * Parses `<tree> NUL (<mode> SP <oid> SP <stage> TAB <path> NUL)* NUL (<n> NUL <path> NUL … <type> NUL <text> NUL)*`. Strict: anything
 * else throws, unless it is the end of output that was cut off.
 */
export function parseMergeTree(
  output: string,
  truncated = false,
): { tree: Oid; stages: Map<string, Stages>; messages: MergeMessage[] } {
  const fields = output.split('\0');
  const tail = fields.pop() ?? '';
  const reader = new FieldReader(fields);
  const tree = reader.next();
  if (tree === undefined || !isOid(tree)) throw unexpected('no tree');
  const stages = new Map<string, Stages>();
  for (let field = reader.next(); field !== undefined && field !== ''; field = reader.next()) {
    const match = /^([0-7]{6}) ([0-9a-f]+) ([123])\t([^]+)$/.exec(field);
    const [, mode = '', oid = '', stage = '', path = ''] = match ?? [];
    if (!isOid(oid)) throw unexpected(field);
    stages.set(path, { ...stages.get(path), [stage]: { mode, oid } });
  }
  const messages: MergeMessage[] = [];
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (!/^[1-9][0-9]{0,8}$/.test(field)) throw unexpected(field);
    const paths = reader.take(Number(field));
    const [type, text] = reader.take(2);
    if (type !== undefined && text !== undefined) messages.push({ paths, type });
    else if (!truncated) throw unexpected('half a message');
  }
  // Output ends with NUL unless it was cut; but git before 2.40 goes on with advice for people where submodules conflict.
  const advised = messages.some(({ type }) => type.startsWith('CONFLICT (submodule'));
  if (tail !== '' && !truncated && !advised) throw unexpected('no end');
  return { tree, stages, messages };
}

class FieldReader {
  private readonly fields: readonly string[];
  private at = 0;

  constructor(fields: readonly string[]) {
    this.fields = fields;
  }

  next(): string | undefined {
    return this.fields[this.at++];
  }

  take(count: number): string[] {
    const taken = this.fields.slice(this.at, this.at + count);
    this.at += count;
    return taken;
  }
}

const unexpected = (what: string): PeerweaveError =>
  new PeerweaveError('internal', `git merge-tree said what Peerweave does not understand: ${what.slice(0, 200)}`);
