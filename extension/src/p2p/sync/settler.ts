import type { BranchName, Oid } from '../../shared/ids.ts';
import type { Deadlines } from './deadlines.ts';
import type { BranchStanding, MergeRefusal, PeerStanding, Settling, SyncEffect } from './model.ts';
import type { Outbox } from './outbox.ts';
import { settlementKey, type Planned, type Settled, type Settlement, type Situation } from './settlement.ts';

/**
 * Merges that are made here of one branch without its coming to rest. Peers that see the same sides make the same merge; where some see
 * others for a moment, all wait longer than before, until they see the same. This many are past any network's delay: what then still goes
 * on is a peer that never agrees, for instance one whose git merges differently.
 */
const MAX_ROUNDS = 10;
/** Settlements remembered of a branch: how far a peer may lag behind and still be seen to have settled otherwise. */
const MAX_SETTLED = 4;
/** Settlements of a branch remembered to come to nothing. */
const MAX_VAIN = 16;
const NOTHING: Situation['vain'] = new Set();

/** What a deadline of the settler is for. */
export interface SettleChore {
  readonly settle: BranchName;
}

/** A merge that was made, and that the branch can move to. */
interface Offer extends Settlement {
  readonly commit: Oid;
  /** True once it is known not to bring back what the user took back. */
  good: boolean;
}

interface Around {
  readonly outbox: Outbox;
  readonly deadlines: Pick<Deadlines<SettleChore>, 'set'>;
  /** Milliseconds to wait after that many in a row. */
  readonly delay: (times: number) => number;
}

/** What is known of settling one branch. */
interface Progress {
  readonly chore: SettleChore;
  out: Settlement | undefined;
  offer: Offer | undefined;
  /** Settlements that come to nothing, and why. */
  readonly vain: Map<string, 'unclean' | 'rewritten'>;
  /** Merges made in a row, and failures to make one. */
  rounds: number;
  failures: number;
  /** What was last planned, and how often that changed in a row. */
  planned: string | undefined;
  changes: number;
  /** `ready` has rested and goes next. */
  pace: 'free' | 'resting' | 'ready';
}

/** Standings that say that a linked peer and we are not done with each other. */
const UNSETTLED: ReadonlySet<BranchStanding> = new Set([
  'unknown',
  'diverged',
  'same-tree',
  'patch-equal',
  'fast-forward',
  'remote-behind',
]);

/** Settles branches by their strategy (CO3, CO4): one merge a branch at a time, and not over and over. */
export class Settler {
  private readonly branches = new Map<BranchName, Progress>();
  private readonly history = new Map<BranchName, readonly Settled[]>();
  private readonly around: Around;

  constructor(around: Around) {
    this.around = around;
  }

  /** What planning has to know of what was settled on this branch before, and of the merge to move to. */
  knows(branch: BranchName): Pick<Situation, 'settled' | 'merge' | 'vain'> {
    const { offer, vain = NOTHING } = this.branches.get(branch) ?? {};
    return { settled: this.history.get(branch) ?? [], merge: offer?.commit, vain };
  }

  allSettled(): Iterable<[BranchName, readonly Settled[]]> {
    return this.history;
  }

  restore(history: Iterable<[BranchName, readonly Settled[]]>): void {
    for (const [branch, settled] of history) this.history.set(branch, settled);
  }

  /**
   * Goes on with what is planned for the branch, and forgets a merge that would not settle it any more. False when what was planned has
   * turned out to come to nothing: then there may be something else to plan.
   */
  next(branch: BranchName, planned: Planned, linked: readonly PeerStanding[]): boolean {
    if (planned === 'asked') return true;
    if (typeof planned === 'object') return this.pursue(branch, this.progress(branch), planned);
    const progress = this.branches.get(branch);
    if (progress !== undefined) this.rest(progress, linked);
    return true;
  }

  /** Where a branch may go to: the peers' tips, and the merge that was made here, as if a peer had made it. */
  targets(branch: BranchName, standings: readonly PeerStanding[]): readonly PeerStanding[] {
    const offer = this.branches.get(branch)?.offer;
    return offer?.good === true ? [...standings, asStanding(offer)] : standings;
  }

  /** What the views show of it. */
  state(branch: BranchName, planned: Planned): Settling | undefined {
    if (typeof planned === 'string') return planned === 'asked' ? 'under-way' : planned;
    if (planned === undefined) return undefined;
    const progress = this.branches.get(branch);
    if (progress?.offer !== undefined) return 'under-way';
    const vain = progress?.vain.get(settlementKey(planned));
    if (vain !== undefined) return vain;
    return progress !== undefined && progress.rounds >= MAX_ROUNDS ? 'gave-up' : 'under-way';
  }

  /** The losing sides are kept: now the winner may win. */
  kept(branch: BranchName): void {
    const settlement = this.branches.get(branch)?.out;
    if (settlement !== undefined) this.merge(branch, settlement);
  }

  /** The merge was made, of those of the heads that merge with each other. */
  merged(branch: BranchName, commit: Oid, parents: readonly Oid[], local: Oid | null): void {
    const progress = this.progress(branch);
    const settlement = progress.out;
    if (settlement === undefined) return;
    progress.out = undefined;
    progress.failures = 0;
    // What leaves our side out does not help here; those whose sides are in will move to it.
    if (local === null || !parents.includes(local)) return giveUp(progress, settlement, 'unclean');
    progress.rounds += 1;
    progress.offer = { ...settlement, commit, good: false };
    if (settlement.take === undefined) return;
    const settled = [...(this.history.get(branch) ?? []), { heads: settlement.heads, commit }];
    this.history.set(branch, settled.slice(-MAX_SETTLED));
    this.around.outbox.save();
  }

  /** It could not be merged, or a losing side not be kept. */
  refused(branch: BranchName, why: MergeRefusal): void {
    const progress = this.progress(branch);
    const settlement = progress.out;
    progress.out = undefined;
    if (settlement === undefined) return;
    if (why === 'conflicts') return giveUp(progress, settlement, 'unclean');
    progress.failures += 1;
    this.pause(progress, progress.failures);
  }

  /** The user moved the branch: whatever comes of that is another matter. */
  touched(branch: BranchName, to: Oid | null): void {
    const progress = this.branches.get(branch);
    // Unless it is our own move that is seen.
    if (progress === undefined || progress.offer?.commit === to) return;
    calm(progress);
    progress.offer = undefined;
  }

  due({ settle }: SettleChore): void {
    this.progress(settle).pace = 'ready';
  }

  private pursue(branch: BranchName, progress: Progress, planned: Settlement): boolean {
    const key = settlementKey(planned);
    this.notice(progress, key, planned.turn);
    const { offer } = progress;
    if (offer !== undefined && settlementKey(offer) === key) {
      offer.good = planned.bringsBack === false;
      if (planned.bringsBack !== true) return true;
      progress.offer = undefined;
      giveUp(progress, planned, 'rewritten');
      return false;
    }
    progress.offer = undefined;
    this.begin(branch, progress, planned);
    return true;
  }

  /** Begins to settle it, unless it is not time, or was in vain. */
  private begin(branch: BranchName, progress: Progress, planned: Settlement): void {
    const { out, pace, rounds, vain } = progress;
    if (out !== undefined || pace === 'resting' || rounds >= MAX_ROUNDS || vain.has(settlementKey(planned))) return;
    const wait = progress.changes + planned.turn;
    if (pace === 'free' && wait > 0) return this.pause(progress, wait);
    progress.pace = 'free';
    progress.out = planned;
    if (planned.keep.length > 0) this.around.outbox.add({ type: 'keep', branch, tips: planned.keep });
    else this.merge(branch, planned);
  }

  private merge(branch: BranchName, { heads, take }: Settlement): void {
    const effect: SyncEffect = { type: 'merge', branch, heads, ...(take === undefined ? {} : { take }) };
    this.around.outbox.add(effect);
  }

  /** The longer the sides keep changing, the longer they must have stayed the same before they are merged. */
  private notice(progress: Progress, key: string, turn: number): void {
    if (progress.planned === key) return;
    if (progress.planned !== undefined) progress.changes += 1;
    progress.planned = key;
    if (progress.pace === 'resting' && progress.failures === 0) this.pause(progress, progress.changes + turn);
  }

  /** Counts from the beginning once no linked peer is at another tip. */
  private rest(progress: Progress, linked: readonly PeerStanding[]): void {
    progress.offer = undefined;
    if (linked.some(({ standing }) => UNSETTLED.has(standing))) return;
    calm(progress);
  }

  private pause(progress: Progress, times: number): void {
    progress.pace = 'resting';
    this.around.deadlines.set(progress.chore, this.around.delay(times));
  }

  private progress(branch: BranchName): Progress {
    const known = this.branches.get(branch);
    if (known !== undefined) return known;
    const chore = { settle: branch };
    const progress: Progress = {
      chore,
      out: undefined,
      offer: undefined,
      vain: new Map(),
      rounds: 0,
      failures: 0,
      planned: undefined,
      changes: 0,
      pace: 'free',
    };
    this.branches.set(branch, progress);
    return progress;
  }
}

function calm(progress: Progress): void {
  progress.rounds = 0;
  progress.failures = 0;
  progress.planned = undefined;
  progress.changes = 0;
}

function giveUp({ vain }: Progress, settlement: Settlement, why: 'unclean' | 'rewritten'): void {
  vain.set(settlementKey(settlement), why);
  for (const oldest of vain.keys()) {
    if (vain.size <= MAX_VAIN) return;
    vain.delete(oldest);
  }
}

const asStanding = ({ peer, commit, heads }: Offer): PeerStanding & { merges: readonly Oid[] } => ({
  peer,
  remote: commit,
  base: null,
  standing: 'fast-forward',
  ahead: 0,
  behind: heads.length,
  merges: heads,
});
