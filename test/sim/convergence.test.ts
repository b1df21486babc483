import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.ts';
import { Violation } from './violation.ts';

/** How many seeds to play; `SEED=n` plays that one alone, with a trace. */
const SEEDS = Number(process.env.SEEDS ?? 2_000);
const ONE = process.env.SEED;

/** Plays a seed, and says how to play it again when it fails. */
function play(seed: number, trace?: (line: string) => void): number {
  try {
    return simulate(seed, trace).events;
  } catch (error) {
    const what = error instanceof Error ? (error instanceof Violation ? error.message : error.stack) : String(error);
    throw new Error(`seed ${seed}: ${what}\nreplay with: SEED=${seed} npx vitest run --project sim`, { cause: error });
  }
}

describe('[CO7] whatever happens on the way, peers that are linked and quiet agree', () => {
  it.runIf(ONE !== undefined)(`seed ${ONE}`, () => {
    expect(play(Number(ONE), (line) => console.log(line))).toBeGreaterThan(0);
  });

  it.runIf(ONE === undefined)(`${SEEDS} seeds`, () => {
    let events = 0;
    for (let seed = 1; seed <= SEEDS; seed++) events += play(seed);
    expect(events).toBeGreaterThan(SEEDS);
  });
});
