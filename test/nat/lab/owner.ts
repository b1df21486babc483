import { readFileSync } from 'node:fs';

/**
 * Namespaces outlive the process that makes them, so each carries in its name who made it: `pwnat-<pid>-<start>-<label>`. The
 * start time, in clock ticks since boot (proc(5), field 22 of stat), tells a process from a later one with the same number.
 */
const PREFIX = 'pwnat';

export const ownName = (label: string): string => `${PREFIX}-${process.pid}-${startOf(process.pid) ?? 0}-${label}`;

/** True for a namespace of this lab whose maker is gone. */
export function isLeftover(name: string): boolean {
  const [, pid, start] = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-`).exec(name) ?? [];
  return pid !== undefined && start !== undefined && String(startOf(Number(pid))) !== start;
}

function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may itself hold spaces and parentheses; field 3 follows the last one.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3]);
  } catch {
    return undefined;
  }
}
