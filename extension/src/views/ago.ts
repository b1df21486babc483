const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Prints moments, Unix milliseconds, for people. */
export interface Times {
  readonly now: number;
  /** In full, for tooltips. */
  readonly full: (unixMs: number) => string;
}

/** `5 min ago`; a date when that says more. Clocks of peers that are ahead of ours do not make a future. */
export function ago(unixMs: number, { now }: Times): string {
  const past = now - unixMs;
  if (past < MINUTE) return 'just now';
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  if (past < DAY) return `${Math.floor(past / HOUR)} h ago`;
  if (past < 30 * DAY) return `${Math.floor(past / DAY)} d ago`;
  return new Date(unixMs).toISOString().slice(0, 10);
}
