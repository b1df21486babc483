import type { Transfer } from '../rpc/model.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1234567` → `1.2 MB`; decimal units, as git and browsers print rates. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? 'B'}`;
}

/** Whole per cent done, undefined while the total is not known. */
export const percent = ({ done, total }: Transfer): number | undefined =>
  total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : undefined;

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;
