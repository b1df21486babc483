import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { PEERS_PREFIX } from '../peer-refs.ts';

/** Milliseconds after which a lock among these refs is nobody's: only our engines and `git pack-refs` take them, for an instant. */
const STALE_MS = 60_000;

/** Refs that nobody but us writes: those of peers, and what is kept. */
const OUR_REFS = [PEERS_PREFIX, 'refs/peerweave/'];

/**
 * Removes locks that a crash left among our own refs, which would keep a peer's branches from ever moving again, or a tip from being kept.
 * Locks anywhere else are not looked at.
 */
export async function sweepOwnLocks(gitDir: string, log: Logger): Promise<void> {
  for (const prefix of OUR_REFS) await sweep(join(gitDir, prefix), log);
}

async function sweep(folder: string, log: Logger): Promise<void> {
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
