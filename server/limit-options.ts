import { InvalidArgumentError, Option } from 'commander';
import { LIMITS, type Limit, type LimitName, type ServerLimits } from './options.ts';

/** The longest that a timer of Node can wait, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;
const names = Object.keys(LIMITS) as LimitName[];

/** An option for each limit. */
export const limitOptions = (): Option[] => names.map((name) => optionOf(LIMITS[name]));

/** What the options say, by the names of the limits. */
export const limitsFrom = (flags: Readonly<Record<string, unknown>>): ServerLimits =>
  Object.fromEntries(names.map((name) => [name, flags[optionOf(LIMITS[name]).attributeName()]])) as ServerLimits;

function optionOf(limit: Limit): Option {
  const { flag, unit, about, value } = limit;
  const option = new Option(`--${flag} <${unit === 'count' ? 'n' : unit}>`, about);
  const shown = unit === 'seconds' ? `${value / 1_000}` : `${value}`;
  return option.default(value, shown).argParser((text) => parse(text, limit));
}

function parse(text: string, { unit, min = 1, max }: Limit): number {
  const value = unit === 'seconds' ? Math.round(Number(text) * 1_000) : Number(text);
  const most = max ?? (unit === 'seconds' ? MAX_TIMER_MS : Number.MAX_SAFE_INTEGER);
  const written = unit === 'seconds' ? /^\d+(\.\d+)?$/ : /^\d+$/;
  if (written.test(text) && value >= min && value <= most) return value;
  const shown = unit === 'seconds' ? most / 1_000 : most;
  throw new InvalidArgumentError(`It is a number of ${unit === 'count' ? 'them' : unit}, at most ${shown}.`);
}
