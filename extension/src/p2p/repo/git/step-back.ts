import { constants, getPriority, setPriority } from 'node:os';

/** Gives a process, and what it starts, less of a busy processor (`nice(1)`): `by` 5 about a third, by 10 a tenth. */
export function stepBack(pid: number, by: number): void {
  try {
    setPriority(pid, Math.min(getPriority() + by, constants.priority.PRIORITY_LOW));
  } catch {
    // It has ended already, or the system knows no priorities; then it takes its turn like any other.
  }
}
