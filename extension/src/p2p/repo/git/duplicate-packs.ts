import { join } from 'node:path';
import { isOid, type Oid } from '../../../shared/ids.ts';
import { exists } from './files.ts';
import { contained } from './gate.ts';
import type { Git } from './git.ts';
import { PackIndex } from './pack-index.ts';
import type { Staging } from './staging.ts';

/**
 * Which packs of the repository hold nothing that staging does not bring again. Looked at object by object: a pack may hold more
 * than what its tip reaches, and a commit that somebody made since may build on that.
 */
export async function findDuplicates(
  git: Git,
  gitDir: string,
  staging: Staging,
  packs: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const folder = join(gitDir, 'objects', 'pack');
  // An index over many packs names the packs that it covers.
  if (await exists(join(folder, 'multi-pack-index'))) return [];
  const duplicates: string[] = [];
  for (const pack of packs) {
    const path = join(folder, pack);
    if ((await exists(`${path}.keep`)) || !(await exists(`${path}.idx`))) continue;
    const oids = await listObjects(`${path}.idx`);
    if ((await contained(git, gitDir, staging, oids, signal)).size === oids.length) duplicates.push(pack);
  }
  return duplicates;
}

async function listObjects(path: string): Promise<Oid[]> {
  const index = await PackIndex.open(path);
  try {
    let lines = '';
    for await (const some of index.lines()) lines += some.toString('latin1');
    return lines.split('\n').filter(isOid);
  } finally {
    await index.close();
  }
}
