import { branchRef, type BranchName, type Oid, type PeerId } from '../../shared/ids.ts';
import { conflictOf } from './conflict.ts';
import type { LocalRefs } from './local-refs.ts';
import type { BranchStanding, BranchState, ConflictCandidate, PeerStanding } from './model.ts';
import type { Moves } from './moves.ts';
import type { PeerRecord } from './peer-record.ts';
import type { Relate, Relations } from './relations.ts';
import { followRewrites } from './rewrites.ts';
import { planSettlement, type Planned } from './settlement.ts';
import type { Settler } from './settler.ts';
import { standingOf } from './standing.ts';
import type { Strategy } from './strategy.ts';

/** What planning a branch gave, before its moves are decided. */
export interface BranchPlan {
  readonly local: Oid | null;
  readonly standings: readonly PeerStanding[];
  /** A conflict stays as it was while it is being worked out, so that it does not flicker. */
  readonly conflict: readonly ConflictCandidate[] | undefined;
  /** How its strategy settles it. */
  readonly settlement: Planned;
  readonly basesChanged: boolean;
}

/** From this many left tips on they are looked into without need, so that a busy branch does not gather them. */
const MANY_LEFT = 8;

interface BoardParts {
  readonly local: LocalRefs;
  readonly peers: ReadonlyMap<PeerId, PeerRecord>;
  readonly relations: Relations;
  readonly moves: Moves;
  readonly settler: Settler;
}

/** The planned state of every branch, kept up to date branch by branch. */
export class BranchBoard {
  private readonly states = new Map<BranchName, BranchState>();
  private list: readonly BranchState[] | undefined;
  private readonly local: LocalRefs;
  private readonly peers: ReadonlyMap<PeerId, PeerRecord>;
  private readonly relations: Relations;
  private readonly moves: Moves;
  private readonly settler: Settler;

  constructor({ local, peers, relations, moves, settler }: BoardParts) {
    this.local = local;
    this.peers = peers;
    this.relations = relations;
    this.moves = moves;
    this.settler = settler;
  }

  /** Every branch that is here or at a peer, by name. */
  all(): readonly BranchState[] {
    this.list ??= [...this.states.values()].sort((a, b) => (a.branch < b.branch ? -1 : 1));
    return this.list;
  }

  get(branch: BranchName): BranchState | undefined {
    return this.states.get(branch);
  }

  /** Plans the branch against every peer (SY4), and keeps the bases. Without a strategy nothing is settled. */
  plan(branch: BranchName, strategy: Strategy | undefined): BranchPlan {
    let basesChanged = false;
    // Of thousands of branches: naming a ref and looking it up is most of what planning one takes.
    const ref = branchRef(branch);
    const local = this.local.get(ref);
    return this.relations.collect(branch, (relate) => {
      this.pruneLeft(branch, local, relate);
      const left = this.local.leftTips(branch);
      const here = { local, left, deletedHere: this.local.isDeleted(ref) };
      const found: PeerStanding[] = [];
      for (const record of this.peers.values()) {
        if (record.seen === undefined || record.refused.has(ref)) continue;
        const remote = record.seen.refs.get(ref) ?? null;
        const verdict = standingOf({ ...here, base: record.bases.get(branch), remote }, relate);
        basesChanged = updateBase(record.bases, branch, remote, verdict?.standing) || basesChanged;
        if (verdict === undefined) continue;
        found.push({ peer: record.peer, remote, base: record.bases.get(branch) ?? null, ...verdict });
      }
      const standings = followRewrites(found, relate);
      const sides = conflictOf(local, standings, relate);
      const conflict = sides === 'asked' ? this.states.get(branch)?.conflict : sides;
      const situation = { local, standings, left, ...this.settler.knows(branch) };
      const settlement = strategy && planSettlement({ strategy, ...situation }, relate);
      return { local, standings, conflict, settlement, basesChanged };
    });
  }

  /** Takes down the branch as planned, once its moves are decided; true when what the views show has changed. */
  post(branch: BranchName, { local, standings, conflict, settlement }: BranchPlan): boolean {
    const before = this.states.get(branch);
    if (local === null && standings.length === 0) {
      if (this.states.delete(branch)) this.list = undefined;
      return before !== undefined;
    }
    const settling = this.settler.state(branch, settlement);
    const pending = this.moves.pending(branch);
    const state: BranchState = { branch, local, peers: standings, conflict, settling, pending };
    if (before !== undefined && sameState(before, state)) return false;
    this.states.set(branch, state);
    this.list = undefined;
    return true;
  }

  /** Forgets left tips that the branch is known to contain. */
  private pruneLeft(branch: BranchName, local: Oid | null, relate: Relate): void {
    const left = this.local.leftTips(branch);
    if (left.length === 0 || local === null) return;
    const look = left.length < MANY_LEFT ? this.relations.peek : relate;
    const contained = left.filter((tip) => {
      const counts = look(tip, local);
      return typeof counts === 'object' && counts.ahead === 0;
    });
    if (contained.length > 0) this.local.forgetLeft(branch, new Set(contained));
  }
}

/** Equal tips are what both agree on; a branch that neither has leaves nothing to agree on. True when the base changed. */
function updateBase(
  bases: Map<BranchName, Oid>,
  branch: BranchName,
  remote: Oid | null,
  standing: BranchStanding | undefined,
): boolean {
  if (standing === undefined) return bases.delete(branch);
  if (standing !== 'equal' || remote === null || bases.get(branch) === remote) return false;
  bases.set(branch, remote);
  return true;
}

function sameState(a: BranchState, b: BranchState): boolean {
  return (
    a.local === b.local &&
    a.settling === b.settling &&
    a.pending?.to === b.pending?.to &&
    a.pending?.peer === b.pending?.peer &&
    a.pending?.detail === b.pending?.detail &&
    sameList(a.peers, b.peers, sameStanding) &&
    sameList(a.conflict ?? [], b.conflict ?? [], (x, y) => x.tip === y.tip && sameList(x.owners, y.owners, Object.is))
  );
}

const sameStanding = (a: PeerStanding, b: PeerStanding): boolean =>
  a.peer === b.peer &&
  a.remote === b.remote &&
  a.base === b.base &&
  a.standing === b.standing &&
  a.ahead === b.ahead &&
  a.behind === b.behind;

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x, i) => same(x, b[i] as T));
}
