import { setTimeout as wait } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Looks until `holds`, for what nobody announces. Throws when it has not in time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  { timeoutMs = 30_000, everyMs = 50 }: UntilOptions = {},
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not in ${timeoutMs} ms: ${what}.`);
    await wait(everyMs);
  }
}
