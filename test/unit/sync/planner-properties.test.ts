import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BranchState } from '../../../extension/src/p2p/sync/model.ts';
import { planSettlement } from '../../../extension/src/p2p/sync/settlement.ts';
import type { Strategy } from '../../../extension/src/p2p/sync/strategy.ts';
import type { Oid, PeerId } from '../../../extension/src/shared/ids.ts';
import { edit, SLOTS, VALUES } from '../../sim/sim-tree.ts';
import { A, B, C, CoreScript, type Tips } from './core-script.ts';

const PEERS = [A, B, C] as const;
const STRATEGIES: readonly Strategy[] = ['manual', 'auto-merge', 'prefer-local', 'prefer-remote'];

/** Commits to come, each on one or two earlier ones, changing one slot. */
const history = fc.array(
  fc.record({
    parents: fc.array(fc.nat(100), { minLength: 1, maxLength: 2 }),
    slot: fc.nat(SLOTS - 1),
    value: fc.nat(VALUES - 1),
  }),
  { minLength: 3, maxLength: 10 },
);
const strategy = fc.constantFrom(...STRATEGIES);
const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });
const picks = fc.array(fc.nat(100), { minLength: 4, maxLength: 4 });

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

function grow(s: CoreScript, steps: History): Oid[] {
  const commits = [s.graph.commit([], 0)];
  for (const { parents, slot, value } of steps) {
    const on = [...new Set(parents.map((pick) => commits[pick % commits.length]!))];
    commits.push(s.graph.commit(on, edit(s.graph.treeOf(on[0]!), slot, value)));
  }
  return commits;
}

const session = (chosen: Strategy) => ({ strategies: { session: chosen, branches: new Map<never, never>() } });

/** Answers moves, keeps and merges as the repository would, until nothing is asked for; returns the tips that were kept. */
function obey(s: CoreScript, from: number, kept: Set<Oid>, onMove: (from: Oid | null, to: Oid) => void): void {
  for (let i = from; i < s.all.length; i++) {
    const effect = s.all[i]!;
    if (effect.type === 'move') {
      onMove(effect.from, effect.to);
      s.feed({ type: 'moved', branch: effect.branch, from: effect.from, to: effect.to });
    } else if (effect.type === 'keep') {
      for (const tip of effect.tips) kept.add(tip);
      s.feed({ type: 'kept', branch: effect.branch });
    } else if (effect.type === 'merge') {
      const merged = s.graph.merge(effect.branch, effect.heads, effect.take);
      const { branch } = effect;
      s.feed(merged ? { type: 'merged', branch, ...merged } : { type: 'merge-refused', branch, why: 'conflicts' });
    }
  }
}

describe('planning', () => {
  it('[SY4] [CO1] commutes: whoever is heard of first, the same is shown and the same would be done', () => {
    fc.assert(
      fc.property(history, picks, order, strategy, (steps, tips, sequence, chosen) => {
        const shown = [[0, 1, 2], sequence].map((peers) => {
          const s = new CoreScript({ ...session(chosen), autoSync: false });
          const commits = grow(s, steps);
          const tip = (i: number): Oid => commits[tips[i]! % commits.length]!;
          s.local({ main: tip(3) });
          s.up(...PEERS);
          for (const i of peers) s.announces(PEERS[i]!, { main: tip(i) });
          // Once more by whoever it does not matter: what was asked of the history meanwhile is known to all.
          s.feed({ type: 'sync-now' });
          s.local({ main: tip(3) });
          return { states: s.core.branches(), settlement: settlementOf(s, chosen) };
        });
        expect(shown[1]).toEqual(shown[0]);
      }),
    );
  });

  it('[SY4] [SY9] commutes also with what the user does and chooses: the order of all events is no matter', () => {
    const events = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(history, picks, events, strategy, fc.boolean(), (steps, tips, sequence, chosen, relates) => {
        const shown = [[3, 4, 0, 1, 2], sequence].map((happening) => {
          const s = new CoreScript({ autoSync: false });
          const commits = grow(s, steps);
          const tip = (i: number): Oid => commits[tips[i]! % commits.length]!;
          s.up(...PEERS);
          // Answers about the history that come only once everything has happened are as good as those that come at once.
          s.relates = relates;
          for (const i of happening) {
            if (i < 3) s.announces(PEERS[i]!, { main: tip(i), [`own/${i}`]: tip(i) });
            else if (i === 3) s.local({ main: tip(3), [`own/0`]: tip(1) });
            else s.feed({ type: 'strategies', ...session(chosen) });
          }
          answerLate(s);
          return s.core.branches();
        });
        expect(shown[1]).toEqual(shown[0]);
      }),
    );
  });

  it('[SY11] is idempotent over a restart: the same is known, and what was settled is not settled again', () => {
    fc.assert(
      fc.property(history, picks, strategy, (steps, tips, chosen) => {
        const s = new CoreScript(session(chosen));
        const commits = grow(s, steps);
        const tip = (i: number): Oid => commits[tips[i]! % commits.length]!;
        s.local({ main: tip(3) });
        s.up(...PEERS);
        for (const [i, peer] of PEERS.entries()) s.announces(peer, { main: tip(i) });
        const kept = new Set<Oid>();
        obey(s, 0, kept, () => undefined);
        settle(s, kept);
        const before = s.core.branches();
        s.restart(session(chosen));
        const again = s.all.length;
        s.local({ main: before[0]!.local! });
        s.up(...PEERS);
        obey(s, again, kept, () => undefined);
        settle(s, kept);
        expect(s.core.branches()).toEqual(before);
        expect(s.all.slice(again).filter(({ type }) => type === 'move')).toEqual([]);
      }),
    );
  });

  it('[SY4] is idempotent: what was heard before changes nothing and does nothing', () => {
    fc.assert(
      fc.property(history, picks, strategy, (steps, tips, chosen) => {
        const s = new CoreScript(session(chosen));
        const commits = grow(s, steps);
        s.local({ main: commits[tips[3]! % commits.length]! });
        s.up(...PEERS);
        const announced = PEERS.map((peer, i): [PeerId, Tips] => [peer, { main: commits[tips[i]! % commits.length]! }]);
        const kept = new Set<Oid>();
        for (const [peer, refs] of announced) s.announces(peer, refs);
        obey(s, 0, kept, () => undefined);
        settle(s, kept);
        const before = s.core.branches();
        for (const [peer, refs] of announced) s.announces(peer, refs);
        const again = s.all.length;
        s.local({ main: s.state()!.local! });
        expect(s.core.branches()).toEqual(before);
        expect(s.all.slice(again).filter(({ type }) => ['move', 'merge', 'keep'].includes(type))).toEqual([]);
      }),
    );
  });

  it('[CO7] never loses a commit: branches only move forward, and who loses is kept and a parent of who wins', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(fc.tuple(fc.nat(3), fc.nat(100)), { maxLength: 10 }),
        strategy,
        (steps, story, chosen) => {
          const s = new CoreScript(session(chosen));
          const commits = grow(s, steps);
          const kept = new Set<Oid>();
          let heard = 0;
          const onMove = (from: Oid | null, to: Oid): void => {
            if (from !== null) expect(s.graph.contains(to, from)).toBe(true);
          };
          s.local({ main: commits[0]! });
          s.up(...PEERS);
          for (const [who, pick] of story) {
            const tip = commits[pick % commits.length]!;
            if (who < 3) s.announces(PEERS[who]!, { main: tip });
            // The user only ever goes on, here; what a rewind means is told elsewhere.
            else if (s.graph.contains(tip, s.state()!.local!)) s.local({ main: tip });
            obey(s, heard, kept, onMove);
            heard = s.all.length;
          }
          settle(s, kept, onMove);
          for (const merge of s.every('merge')) {
            if (merge.take === undefined) continue;
            for (const head of merge.heads) expect(head === merge.take || kept.has(head)).toBe(true);
          }
          expect(s.state()?.settling === 'gave-up').toBe(false);
        },
      ),
    );
  });
});

/** Answers what was asked of the history and is not answered yet, and what that leads to. */
function answerLate(s: CoreScript): void {
  if (s.relates) return;
  s.relates = true;
  for (const relate of s.every('relate').slice(-1)) s.feed(s.answer(relate));
}

let clock = 0;

/** Lets everything that rests come due. */
function settle(s: CoreScript, kept: Set<Oid>, onMove: (from: Oid | null, to: Oid) => void = () => undefined): void {
  for (let i = 0; i < 20; i++) {
    const from = s.all.length;
    s.feed({ type: 'tick', now: (clock += 1) });
    s.feed({ type: 'tick', now: (clock += 60_000) });
    obey(s, from, kept, onMove);
  }
}

/** What the strategy would do of the branch as it is shown, from the truth. */
function settlementOf(s: CoreScript, chosen: Strategy): ReturnType<typeof planSettlement> {
  const state: BranchState = s.state()!;
  const relate = (a: Oid, b: Oid) => ({ patchEqual: false, ...s.graph.relation(a, b) });
  const situation = {
    strategy: chosen,
    local: state.local,
    standings: state.peers,
    left: [],
    settled: [],
    merge: undefined,
    vain: new Set<string>(),
  };
  return planSettlement(situation, relate);
}
