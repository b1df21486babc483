import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { outlived } from './process-alive.ts';

/** A name in `parent` that nobody else uses, and that tells which process does. */
export const processFolder = (parent: string): string =>
  join(parent, `${process.pid}-${randomBytes(8).toString('hex')}`);

/**
 * Removes what crashed processes left in `parent`, each after `before`. A folder whose process lives is in use, by another window perhaps.
 * Never throws: what cannot be removed now only takes space until the next time.
 */
export async function sweepProcessFolders(
  parent: string,
  log: Logger,
  before: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const names = await readdir(parent).catch((): string[] => []);
  for (const name of names) {
    const path = join(parent, name);
    try {
      const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? NaN);
      if (!Number.isNaN(pid) && outlived(pid, (await stat(path)).mtimeMs)) continue;
      await before(path);
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      log.warn(`could not remove ${path}: ${messageOf(error)}`);
    }
  }
}
