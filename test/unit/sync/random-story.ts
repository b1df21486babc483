import fc from 'fast-check';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, B, C, CoreScript, type Tips } from './core-script.ts';

const COMMITS = 8;
const BRANCHES = ['main', 'topic', 'fix'];

/** What may happen: someone's branches (the local ones, or a peer's) become these commits; `undefined` is no such branch. */
export interface Step {
  readonly who: 'local' | 'A' | 'B' | 'C';
  readonly tips: readonly (number | undefined)[];
}

const tip = fc.option(fc.nat(COMMITS - 1), { nil: undefined });
const step: fc.Arbitrary<Step> = fc.record({
  who: fc.constantFrom('local', 'A', 'B', 'C'),
  tips: fc.tuple(tip, tip, tip),
});
export const randomStory = fc.array(step, { maxLength: 12 });

/**
 * Plays a story on a history with a branch and a merge. Every move is answered at once, and `onMove` hears of it, so that the local
 * branches are as the core believes them to be.
 */
export function playRandomly(
  story: readonly Step[],
  onMove: (s: CoreScript, from: Oid | null, to: Oid) => void = () => undefined,
): CoreScript {
  const s = new CoreScript();
  const commits = history(s);
  const peers = { A, B, C };
  s.local({});
  s.up(A, B, C);
  for (const { who, tips } of story) {
    const named = namedTips(tips, commits);
    const seen = s.all.length;
    if (who === 'local') s.local(named);
    else s.announces(peers[who], named);
    answerMoves(s, seen, onMove);
  }
  return s;
}

function answerMoves(s: CoreScript, seen: number, onMove: (s: CoreScript, from: Oid | null, to: Oid) => void): void {
  for (let i = seen; i < s.all.length; i++) {
    const effect = s.all[i]!;
    if (effect.type !== 'move') continue;
    onMove(s, effect.from, effect.to);
    s.feed({ type: 'moved', branch: effect.branch, from: effect.from, to: effect.to });
  }
}

function history(s: CoreScript): Oid[] {
  const trunk = s.line(4);
  const side = s.line(2, trunk[1]);
  const merge = s.commit([trunk[3]!, side[1]!]);
  return [...trunk, ...side, merge, s.commit([merge])];
}

function namedTips(tips: Step['tips'], commits: readonly Oid[]): Tips {
  const entries = tips.map((index, i) => [BRANCHES[i], index === undefined ? undefined : commits[index]] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, Oid] => entry[1] !== undefined));
}
