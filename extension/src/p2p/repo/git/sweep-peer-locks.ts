import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { PEERS_PREFIX } from '../peer-refs.ts';

/** Milliseconds after which a lock among the peers' refs is nobody's: only our engines and `git pack-refs` take them, for an instant. */
const STALE_MS = 60_000;

/**
 * Removes locks that a crash left among the peers' refs, which would keep that peer's branches from ever moving again. The
 * namespace is ours; locks anywhere else are not looked at.
 */
export async function sweepPeerLocks(gitDir: string, log: Logger): Promise<void> {
  const folder = join(gitDir, PEERS_PREFIX);
  const entries = await readdir(folder, { recursive: true }).catch((): string[] => []);
  for (const name of entries.filter((entry) => entry.endsWith('.lock'))) {
    const path = join(folder, name);
    try {
      if (Date.now() - (await lstat(path)).mtimeMs < STALE_MS) continue;
      await rm(path, { force: true });
      log.warn(`removed the lock ${path}, which a crash had left`);
    } catch (error) {
      log.warn(`could not remove ${path}: ${messageOf(error)}`);
    }
  }
}
