import { isOid, type Oid } from '../../../shared/ids.ts';
import type { ConflictStage } from '../merge.ts';
import type { MergeRoom } from './merge-room.ts';

/** Paths on one command line: far from what any system takes. */
const CHUNK = 200;

/** What a commit or tree has at these paths, files, links and submodules; a path that it has not, or that is a folder, is left out. */
export async function entriesAt(
  room: MergeRoom,
  treeish: Oid,
  paths: readonly string[],
): Promise<Map<string, ConflictStage>> {
  const found = new Map<string, ConflictStage>();
  const possible = paths.filter(canBeInTree);
  for (let i = 0; i < possible.length; i += CHUNK) {
    const some = possible.slice(i, i + CHUNK);
    const { stdout } = await room.run(['--literal-pathspecs', 'ls-tree', '-z', '--full-tree', treeish, '--', ...some]);
    for (const line of stdout.split('\0')) {
      const [, mode = '', type, oid = '', path = ''] = /^([0-7]{6}) (\w+) ([0-9a-f]+)\t([^]+)$/.exec(line) ?? [];
      if (isOid(oid) && type !== 'tree') found.set(path, { mode, oid });
    }
  }
  return found;
}

/** Git makes a path relative to where it stands, and fails where that leads out. */
const canBeInTree = (path: string): boolean => !/(?:^|\/)(?:\.{0,2})(?:\/|$)|\0/.test(path);
