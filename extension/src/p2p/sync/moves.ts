import type { BranchName, Oid } from '../../shared/ids.ts';
import type { PeerStanding, PendingMove, SyncEffect } from './model.ts';

type MoveEffect = Extract<SyncEffect, { type: 'move' }>;

/** Where a branch may go: to a peer's tip, or to a merge that was made here. */
type Target = PeerStanding & { readonly merges?: readonly Oid[] };

/** A move that waits for a person, or for the worktree to change. */
interface Waiting extends PendingMove {
  /** True when it may be tried once more: something changed since it was refused. */
  retry: boolean;
}

/** Moves that are out, that wait (SY6), and that lost against the user (SY12). One move a branch at a time. */
export class Moves {
  private readonly out = new Map<BranchName, MoveEffect>();
  private readonly waiting = new Map<BranchName, Waiting>();
  /** How often in a row the branch's move found the ref elsewhere. */
  private readonly outrun = new Map<BranchName, number>();
  /** Branches that wait for fresh refs, or for a while, because of that. */
  private readonly stale = new Set<BranchName>();
  /** How often in a row the branch's move had to wait. */
  private readonly refusals = new Map<BranchName, number>();
  /** Branches that are not tried with the same tip for a while, because of that. */
  private readonly resting = new Set<BranchName>();
  /** Updates that were approved while the unreviewed attempt was still out. */
  private readonly approved = new Map<BranchName, Oid>();
  /** Branches whose move is out and was perhaps judged by a worktree that has changed since. */
  private readonly overtaken = new Set<BranchName>();

  get anyOut(): boolean {
    return this.out.size > 0;
  }

  /** True while a move of the branch is out, or waits only for fresh refs. */
  isBusy(branch: BranchName): boolean {
    return this.out.has(branch) || this.stale.has(branch);
  }

  pending(branch: BranchName): PendingMove | undefined {
    const waiting = this.waiting.get(branch);
    return waiting && { to: waiting.to, peer: waiting.peer, detail: waiting.detail };
  }

  /**
   * The move to make now from what the standings allow. Nothing when one is out, when the same one waits, when the ref was just
   * found elsewhere, or when moves are not `automatic`.
   */
  next(branch: BranchName, from: Oid | null, standings: readonly Target[], automatic: boolean): MoveEffect | undefined {
    if (this.out.has(branch)) return undefined;
    const best = bestOf(standings.filter(({ standing }) => standing === 'fast-forward'));
    if (best === undefined) {
      this.settle(branch);
      return undefined;
    }
    if (!automatic || this.stale.has(branch)) return undefined;
    const waiting = this.waiting.get(branch);
    const waits = waiting !== undefined && (!waiting.retry || this.resting.has(branch));
    if (waits && waiting.to === best.remote) return undefined;
    return this.start(branch, from, best, false);
  }

  /** A person wants what is offered for the branch: what waits, the redo of a rewind, or a deleted branch back. */
  approve(branch: BranchName, from: Oid | null, standings: readonly Target[]): MoveEffect | undefined {
    const offered = standings.filter(
      ({ standing, ahead, behind }) =>
        standing === 'fast-forward' ||
        standing === 'deleted-here' ||
        (standing === 'rewound-here' && ahead === 0 && behind > 0),
    );
    const waiting = this.waiting.get(branch);
    // What the person looked at is what waits; a newer tip has not been reviewed.
    const best = offered.find(({ remote }) => remote === waiting?.to) ?? bestOf(offered);
    if (best === undefined) return undefined;
    if (!this.out.has(branch)) return this.start(branch, from, best, true);
    if (best.remote !== null) this.approved.set(branch, best.remote);
    return undefined;
  }

  moved(branch: BranchName): void {
    this.out.delete(branch);
    this.known(branch);
    this.settle(branch);
  }

  /**
   * The move has to wait. Returns the same move as reviewed when a person approved it meanwhile, else how often in a row it had to
   * wait: from the second time on it also rests, until `tryAgain`.
   */
  refusedPending(branch: BranchName, detail: string): MoveEffect | number {
    const move = this.out.get(branch);
    if (move === undefined) return 0;
    this.out.delete(branch);
    this.known(branch);
    const approved = this.approved.get(branch) === move.to && !move.reviewed;
    this.approved.delete(branch);
    if (approved) return this.send({ ...move, reviewed: true });
    this.waiting.set(branch, { to: move.to, peer: move.peer, detail, retry: this.overtaken.has(branch) });
    const times = (this.refusals.get(branch) ?? 0) + 1;
    this.refusals.set(branch, times);
    if (times > 1) this.resting.add(branch);
    return times;
  }

  /** The ref was not where the plan had it. Returns how often in a row. */
  refusedMoved(branch: BranchName): number {
    const times = (this.outrun.get(branch) ?? 0) + 1;
    this.out.delete(branch);
    this.approved.delete(branch);
    this.outrun.set(branch, times);
    this.stale.add(branch);
    return times;
  }

  /** The branch was seen at `tip`. True when the move that is out was decided on without knowing that, and is to be withdrawn. */
  seen(branch: BranchName, tip: Oid | null): boolean {
    const move = this.out.get(branch);
    return move !== undefined && tip !== move.from && tip !== move.to;
  }

  /** The branch is known afresh. */
  known(branch: BranchName): void {
    this.outrun.delete(branch);
    this.stale.delete(branch);
    this.resting.delete(branch);
  }

  /** The branch has waited long enough; should its move lose again, it waits longer. */
  tryAgain(branch: BranchName): void {
    this.stale.delete(branch);
    this.resting.delete(branch);
  }

  /** Lets everything that waits be tried once more, `now` or when it has rested; returns the branches. */
  retryWaiting(when: 'now' | 'rested'): BranchName[] {
    if (when === 'now') this.resting.clear();
    for (const waiting of this.waiting.values()) waiting.retry = true;
    for (const branch of this.out.keys()) this.overtaken.add(branch);
    return [...this.waiting.keys()];
  }

  private settle(branch: BranchName): void {
    this.waiting.delete(branch);
    this.approved.delete(branch);
    this.refusals.delete(branch);
  }

  private start(
    branch: BranchName,
    from: Oid | null,
    { peer, remote, merges }: Target,
    reviewed: boolean,
  ): MoveEffect | undefined {
    if (remote === null) return undefined;
    const move: MoveEffect = {
      type: 'move',
      branch,
      from,
      to: remote,
      peer,
      reviewed,
      ...(merges === undefined ? {} : { merges }),
    };
    return this.send(move);
  }

  private send(move: MoveEffect): MoveEffect {
    const waiting = this.waiting.get(move.branch);
    if (waiting !== undefined) waiting.retry = false;
    this.out.set(move.branch, move);
    this.overtaken.delete(move.branch);
    return move;
  }
}

/**
 * The tip to move to: the one farthest ahead, so that a chain of tips is walked in one step, and the lowest id among equals, so that
 * the choice does not depend on who came first. Of two that diverged from each other either will do: the branch here has
 * nothing of its own, so it joins one side, and the conflict with the other is planned next.
 */
function bestOf(standings: readonly Target[]): Target | undefined {
  let best: Target | undefined;
  for (const standing of standings) {
    const lower = best === undefined || (standing.remote ?? '') < (best.remote ?? '');
    if (best === undefined || standing.behind > best.behind || (standing.behind === best.behind && lower))
      best = standing;
  }
  return best;
}
