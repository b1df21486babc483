import { branchOf, type BranchName, type PeerId } from '../../shared/ids.ts';
import { backoffDelay } from './backoff.ts';
import { BranchBoard } from './branch-board.ts';
import { Deadlines } from './deadlines.ts';
import { LocalRefs } from './local-refs.ts';
import type { BranchState, SyncEffect, SyncEvent } from './model.ts';
import { Moves } from './moves.ts';
import { limitsOf, type SyncLimits, type SyncOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { PeerBook } from './peer-book.ts';
import { peerSyncState, type PeerRecord, type PeerSyncState } from './peer-record.ts';
import type { PersistedSync } from './persisted.ts';
import { branchesOf } from './ref-diff.ts';
import { Relations } from './relations.ts';
import { Settler, type SettleChore } from './settler.ts';
import { restoreSync, saveSync } from './snapshot.ts';
import { MANUAL, strategyOf, type Strategies } from './strategy.ts';
import { TagPlan } from './tag-plan.ts';

type EventOf<T extends SyncEvent['type']> = Extract<SyncEvent, { type: T }>;

const RELATE_AGAIN = Symbol('relate again');
/** What a deadline is for: a peer's fetch, a branch whose move lost a race or whose merges rest, or relations that could not be told. */
type Chore = PeerRecord | BranchName | SettleChore | typeof RELATE_AGAIN;

/** The longest that a change of the worktree is not acted upon, when that was in vain before: a person is watching. */
const MAX_PENDING_REST_MS = 4_000;

/**
 * Decides what a repository does with what its peers announce (SY4 to SY9). Pure: it is handed events and returns effects, and the
 * same events always give the same effects.
 *
 * Each event first changes what is known, marking the branches it touches; then those branches alone are planned again, and what
 * follows is gathered: moves, fetches, relations to ask for.
 */
export class SyncCore {
  private readonly limits: SyncLimits;
  private readonly jitter: NonNullable<SyncOptions['jitter']>;
  private readonly local = new LocalRefs();
  private readonly moves = new Moves();
  private readonly outbox = new Outbox();
  private readonly deadlines = new Deadlines<Chore>();
  private readonly relations: Relations;
  private readonly peers: PeerBook;
  private readonly tags: TagPlan;
  private readonly board: BranchBoard;
  private readonly settler: Settler;
  private autoSync: boolean;
  private strategies: Strategies;
  /** Branches to plan again. */
  private readonly touched = new Set<BranchName>();

  constructor(options: SyncOptions = {}) {
    this.limits = limitsOf(options);
    this.jitter = options.jitter ?? (() => 0);
    this.autoSync = options.autoSync ?? true;
    this.relations = new Relations(this.limits.relationCache, this.limits.relateBatch);
    this.peers = new PeerBook({
      local: this.local,
      outbox: this.outbox,
      deadlines: this.deadlines,
      maxFetches: this.limits.maxFetches,
      delay: (peer, failures) => this.delay(peer, failures),
    });
    this.tags = new TagPlan(this.local);
    this.strategies = options.strategies ?? MANUAL;
    this.settler = new Settler({
      outbox: this.outbox,
      deadlines: this.deadlines,
      delay: (times) => this.delay(undefined, times),
    });
    const { local, relations, moves, settler } = this;
    this.board = new BranchBoard({ local, relations, moves, settler, peers: this.peers.records });
    if (options.restored !== undefined) restoreSync(options.restored, local, this.peers.records, settler);
  }

  /** Takes in one event and returns what to do now, in this order. Never throws for what a peer or a user can cause. */
  handle(event: SyncEvent): SyncEffect[] {
    this.takeIn(event);
    this.peers.startFetches();
    if (this.local.ready) this.planTouched();
    const wake = this.deadlines.takeWake();
    if (wake !== undefined) this.outbox.add(wake);
    return this.outbox.take(this.moves.anyOut, () => ({ refs: this.local.snapshot(), head: this.local.head }));
  }

  /** Every branch that is here or at a peer, by name. Empty before the first `local-refs`. */
  branches(): readonly BranchState[] {
    return this.board.all();
  }

  /** How far we are with a peer; undefined for one never heard of. */
  peerState(peer: PeerId): PeerSyncState | undefined {
    const record = this.peers.records.get(peer);
    return record && peerSyncState(record);
  }

  /** What a restart needs, as plain JSON; goes back in as `restored`. */
  persisted(): PersistedSync {
    return saveSync(this.local, this.peers.records.values(), this.settler);
  }

  private takeIn(event: SyncEvent): void {
    switch (event.type) {
      case 'local-refs':
        return this.onLocalRefs(event);
      case 'peer-up':
        this.tags.retry();
        return this.planTags(this.peers.up(event.peer));
      case 'peer-down':
        return this.peers.down(event.peer);
      case 'peer-gone':
        return this.touch(this.peers.gone(event.peer));
      case 'manifest':
        return this.peers.manifest(event.peer, event.seq, event.refs);
      case 'fetched':
        return this.onFetched(event);
      case 'fetch-failed':
        return this.peers.fetchFailed(event.peer, event.seq, event.reason);
      case 'related':
        return this.onRelated(event);
      case 'moved':
        return this.onMoved(event);
      case 'move-refused':
        return this.onMoveRefused(event);
      case 'apply-pending':
        return this.onApply(event.branch);
      case 'worktree-changed':
        return this.touch(this.moves.retryWaiting('rested'));
      case 'sync-now':
        return this.onSyncNow();
      case 'auto-sync':
        this.autoSync = event.enabled;
        return this.planAll();
      case 'strategies':
        this.strategies = event.strategies;
        return this.planAll();
      case 'kept':
      case 'keep-refused':
      case 'merged':
      case 'merge-refused':
        return this.onSettled(event);
      case 'tick':
        for (const chore of this.deadlines.tick(event.now)) this.onDue(chore);
    }
  }

  private onLocalRefs({ refs, head }: EventOf<'local-refs'>): void {
    const first = !this.local.ready;
    const { changes, headChanged, doubtful } = this.local.read(refs, head);
    for (const { ref, to } of changes) {
      const branch = branchOf(ref);
      if (branch === undefined) this.tags.changed(ref);
      else {
        this.known(branch);
        this.settler.touched(branch, to);
        if (this.moves.seen(branch, to)) this.outbox.add({ type: 'withdraw', branch });
      }
    }
    if (doubtful) this.outbox.add({ type: 'read-refs' });
    if (changes.length > 0 || first) this.outbox.save();
    if (changes.length > 0 || headChanged || first) {
      this.outbox.announce('now');
      this.touch(this.moves.retryWaiting('now'));
    }
    if (first) this.planAll();
  }

  private onFetched({ peer, seq, refused }: EventOf<'fetched'>): void {
    const news = this.peers.fetched(peer, seq, refused);
    if (news === undefined) return;
    this.touch(news.branches);
    this.planTags(news.record);
  }

  private onRelated({ relations }: EventOf<'related'>): void {
    const { branches, failures } = this.relations.answer(relations);
    this.touch(branches);
    if (failures > 0) this.deadlines.set(RELATE_AGAIN, this.delay(undefined, failures));
  }

  private onMoved({ branch, from, to }: EventOf<'moved'>): void {
    this.moves.moved(branch);
    this.known(branch);
    if (this.local.moved(branch, from, to)) {
      this.outbox.save();
      this.outbox.announce('later');
    } else if (this.local.branch(branch) !== to) this.outbox.add({ type: 'read-refs' });
  }

  private onMoveRefused({ branch, why, detail }: EventOf<'move-refused'>): void {
    this.touched.add(branch);
    if (why === 'pending') return this.onMoveWaits(branch, detail);
    // Planning from the refs that just lost would lose again. Fresh ones come; should they not differ, it is tried later (SY12).
    const times = this.moves.refusedMoved(branch);
    this.deadlines.set(branch, this.delay(undefined, times));
    this.outbox.add({ type: 'read-refs' });
  }

  private onMoveWaits(branch: BranchName, detail: string): void {
    const outcome = this.moves.refusedPending(branch, detail);
    if (typeof outcome === 'object') this.outbox.add(outcome);
    // Trying may itself look like a change of the worktree, which asks for another try: that must not spin.
    else if (outcome > 1) this.deadlines.set(branch, Math.min(this.delay(undefined, outcome - 1), MAX_PENDING_REST_MS));
  }

  /** Something of a settlement is answered: what it leads to is planned with the branch. */
  private onSettled(event: EventOf<'kept' | 'keep-refused' | 'merged' | 'merge-refused'>): void {
    const { branch } = event;
    if (event.type === 'kept') return this.settler.kept(branch);
    if (event.type === 'merged') this.settler.merged(branch, event.commit, event.parents, this.local.branch(branch));
    else this.settler.refused(branch, event.type === 'keep-refused' ? 'failed' : event.why);
    this.touched.add(branch);
  }

  private onApply(branch: BranchName): void {
    const state = this.board.get(branch);
    const move = state && this.moves.approve(branch, state.local, this.settler.targets(branch, state.peers));
    if (move === undefined) return;
    this.outbox.add(move);
    this.touched.add(branch);
  }

  private onSyncNow(): void {
    this.outbox.add({ type: 'read-refs' });
    this.relations.retryAll();
    this.tags.retry();
    this.moves.retryWaiting('now');
    this.planAll();
    for (const record of this.peers.records.values()) this.peers.tryAfresh(record);
  }

  private onDue(chore: Chore): void {
    if (chore === RELATE_AGAIN) this.relations.retry();
    else if (typeof chore === 'string') {
      this.moves.tryAgain(chore);
      this.touched.add(chore);
    } else if ('settle' in chore) {
      this.settler.due(chore);
      this.touched.add(chore.settle);
    } else this.peers.due(chore);
  }

  private planTouched(): void {
    for (const branch of this.touched) this.plan(branch);
    this.touched.clear();
    const pairs = this.relations.nextBatch();
    if (pairs !== undefined) this.outbox.add({ type: 'relate', pairs });
    this.peers.tellSynced();
  }

  /** Plans one branch against all peers, and moves it if something lies ahead. */
  private plan(branch: BranchName): void {
    const plan = this.board.plan(branch, this.autoSync ? strategyOf(this.strategies, branch) : undefined);
    if (plan.basesChanged) this.outbox.save();
    const linked = plan.standings.filter(({ peer }) => this.peers.records.get(peer)?.up === true);
    if (!this.settler.next(branch, plan.settlement, linked)) return this.plan(branch);
    const targets = this.settler.targets(branch, plan.standings);
    const move = this.moves.next(branch, plan.local, targets, this.autoSync);
    if (move !== undefined) this.outbox.add(move);
    this.peers.planned(branch, plan.standings, this.moves.isBusy(branch));
    if (this.board.post(branch, plan)) this.outbox.showBranches();
  }

  private planTags(record: PeerRecord): void {
    if (!this.autoSync || !this.local.ready || record.seen === undefined) return;
    this.outbox.addAll(this.tags.plan(record, record.seen.refs));
  }

  /** The branch is known afresh: what its last move ran into is over. */
  private known(branch: BranchName): void {
    this.moves.known(branch);
    this.deadlines.clear(branch);
    this.touched.add(branch);
  }

  private delay(peer: PeerId | undefined, failures: number): number {
    return backoffDelay(this.limits.retry, failures, this.jitter(peer, failures));
  }

  private touch(branches: Iterable<BranchName>): void {
    for (const branch of branches) this.touched.add(branch);
  }

  private planAll(): void {
    this.touch(branchesOf(this.local.snapshot().keys()));
    for (const record of this.peers.records.values()) {
      this.touch(this.peers.branchesWith(record));
      this.planTags(record);
    }
  }
}
