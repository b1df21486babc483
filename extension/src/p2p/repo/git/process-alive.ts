import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Clocks are set now and then; a process that wrote within this many milliseconds of the start-up may be alive. */
const CLOCK_SLACK_MS = 60_000;

/** True when a process of this id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is alive all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(pid);
}

/**
 * True when the process that wrote something at `writtenAt` (milliseconds since 1970) may still run. None survives a restart of
 * the machine, after which its id soon belongs to another.
 */
export const outlived = (pid: number, writtenAt: number): boolean =>
  writtenAt >= Date.now() - uptime() * 1000 - CLOCK_SLACK_MS && isAlive(pid);

/** Dead, but not yet collected by its parent: in a container, perhaps never. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    // proc(5): `pid (comm) state …`, where comm may hold parentheses.
    return /\) Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
