import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of the processes that this one has started and that are alive. */
export function childProcesses(): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // The name in parentheses may hold spaces; state and parent follow it.
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      return parent === String(process.pid)
        ? [readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ')]
        : [];
    } catch {
      return [];
    }
  });
}
