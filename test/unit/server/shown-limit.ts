import type { Limit } from '../../../server/options.ts';

/** The default of a limit as people are shown it: `64 KiB`, `10 s`, `24 h`, `5,000`. */
export function shownLimit({ value, unit }: Limit): string {
  if (unit === 'count') return value.toLocaleString('en');
  if (unit === 'seconds') return value % 3_600_000 === 0 ? `${value / 3_600_000} h` : `${value / 1_000} s`;
  return value % 1_048_576 === 0 ? `${value / 1_048_576} MiB` : `${value / 1_024} KiB`;
}
