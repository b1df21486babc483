import { describe, expect, it } from 'vitest';
import { simulate, type Outcome } from './simulation.ts';
import { Violation } from './violation.ts';

/** How many seeds to play in all; `SEED=n` plays that one alone, with a trace. */
const SEEDS = Number(process.env.SEEDS ?? 5_000);
const ONE = process.env.SEED;

/** Plays a seed, and says how to play it again when it fails. */
function play(seed: number, trace?: (line: string) => void): Outcome {
  try {
    return simulate(seed, trace);
  } catch (error) {
    const what = error instanceof Error ? (error instanceof Violation ? error.message : error.stack) : String(error);
    throw new Error(`seed ${seed}: ${what}\nreplay with: SEED=${seed} npx vitest run --project sim`, { cause: error });
  }
}

/** The suite of every `of`-th seed from `part` on: files of one suite run beside each other. */
export function describeSeeds(part: number, of: number): void {
  describe('[CO7] whatever happens on the way, peers that are linked and quiet agree', () => {
    it.runIf(ONE !== undefined && Number(ONE) % of === part)(`seed ${ONE}`, () => {
      expect(play(Number(ONE), (line) => console.log(line)).events).toBeGreaterThan(0);
    });

    it.runIf(ONE === undefined)(`part ${part + 1} of ${of} of ${SEEDS} seeds`, () => {
      let [played, events, merges] = [0, 0, 0];
      for (let seed = 1; seed <= SEEDS; seed++) {
        if (seed % of !== part) continue;
        const outcome = play(seed);
        played += 1;
        events += outcome.events;
        merges += outcome.merges;
      }
      console.log(`${played} seeds: ${events} events, ${merges} merges by themselves`);
      expect(events).toBeGreaterThan(played);
      expect(merges).toBeGreaterThan(0);
    });
  });
}
