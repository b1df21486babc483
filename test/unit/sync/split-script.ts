import type { SyncEffect } from '../../../extension/src/p2p/sync/model.ts';
import type { SyncOptions } from '../../../extension/src/p2p/sync/options.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { A, branch, CoreScript } from './core-script.ts';

/** What stories about branches that diverged have in common. */

export const main = branch('main');

/** Options of a session with a strategy. */
export const session = (strategy: Strategy, more: SyncOptions = {}): SyncOptions => ({
  ...more,
  strategies: { session: strategy, branches: new Map() },
});

export interface Split {
  readonly s: CoreScript;
  readonly ours: Oid;
  readonly theirs: Oid;
}

/** Ours and A's diverged; ours comes first in the order of ids, or last. */
export function diverged(strategy: Strategy, turn: 'first' | 'last' = 'first'): Split {
  const s = new CoreScript(session(strategy));
  const base = s.commit();
  const tips = [s.commit([base]), s.commit([base])].sort();
  if (turn === 'last') tips.reverse();
  const [ours, theirs] = tips as [Oid, Oid];
  s.local({ main: base });
  s.up(A);
  s.announces(A, { main: base });
  s.local({ main: ours });
  s.announces(A, { main: theirs });
  return { s, ours, theirs };
}

/** Makes the merge that was last asked for. */
export function merges(s: CoreScript, parents = s.every('merge').at(-1)!.heads): Oid {
  const commit = s.commit(parents);
  s.feed({ type: 'merged', branch: main, commit, parents });
  return commit;
}

let clock = 0;

/** Lets time pass until nothing waits for it; a wake of 0 ms only asks what time it is. */
export function waits(s: CoreScript, ms = 60_000): void {
  s.feed({ type: 'tick', now: (clock += 1) });
  s.feed({ type: 'tick', now: (clock += ms) });
}

/** The kinds of what was asked for, of those that settle something. */
export const asked = (effects: readonly SyncEffect[]): string[] =>
  effects.map(({ type }) => type).filter((type) => type === 'merge' || type === 'keep' || type === 'move');
