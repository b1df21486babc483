import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { isAlive } from './repo/git/process-alive.ts';

/** Far longer than anybody holds a guard; whoever left one behind that is older has crashed, whatever has its process id now. */
const STALE_MS = 10_000;

/**
 * Runs `work` while holding the file `guard`, which one process can make at a time; undefined, without running it, when another
 * holds it. For steps of milliseconds: between looking whether an engine runs and being it, nobody else may look.
 */
export async function holdingGuard<T>(guard: string, work: () => Promise<T>): Promise<T | undefined> {
  await mkdir(dirname(guard), { recursive: true, mode: 0o700 });
  if (!(await make(guard))) {
    if (!(await isStale(guard))) return undefined;
    // Renamed rather than removed, so that of several who find it stale each removes at most this one.
    const aside = `${guard}.${randomUUID()}`;
    await rename(guard, aside).catch(() => undefined);
    await rm(aside, { force: true });
    if (!(await make(guard))) return undefined;
  }
  try {
    return await work();
  } finally {
    await rm(guard, { force: true });
  }
}

async function make(guard: string): Promise<boolean> {
  try {
    await writeFile(guard, String(process.pid), { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(guard: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(guard);
    const pid = Number(await readFile(guard, 'utf8'));
    // Empty while it is being written.
    return Date.now() - mtimeMs > STALE_MS || (pid > 0 && !isAlive(pid));
  } catch {
    return false;
  }
}
