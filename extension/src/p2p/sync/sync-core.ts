import { branchOf, type BranchName, type PeerId, type RefName } from '../../shared/ids.ts';
import { backoffDelay } from './backoff.ts';
import { BranchBoard } from './branch-board.ts';
import { Deadlines } from './deadlines.ts';
import { FetchSchedule } from './fetch-schedule.ts';
import { LocalRefs } from './local-refs.ts';
import type { BranchState, Refs, SyncEffect, SyncEvent } from './model.ts';
import { Moves } from './moves.ts';
import { limitsOf, type SyncLimits, type SyncOptions } from './options.ts';
import { isSettled, newPeerRecord, peerSyncState, type PeerRecord, type PeerSyncState } from './peer-record.ts';
import type { PersistedSync } from './persisted.ts';
import { diffRefs } from './ref-diff.ts';
import { Relations } from './relations.ts';
import { restoreSync, saveSync } from './snapshot.ts';
import { TagPlan } from './tag-plan.ts';

type EventOf<T extends SyncEvent['type']> = Extract<SyncEvent, { type: T }>;

/** What a deadline is for: a peer's fetch, a branch whose move lost a race, or relations that could not be told. */
type Chore = PeerRecord | BranchName | typeof RELATE_AGAIN;
const RELATE_AGAIN = Symbol('relate again');

/** How long the same commits are waited for from another peer before they are fetched from this one too. */
const HOLD_MS = 2_000;

const NO_REFS: Refs = new Map();

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
  private readonly peers = new Map<PeerId, PeerRecord>();
  private readonly local = new LocalRefs();
  private readonly moves = new Moves();
  private readonly deadlines = new Deadlines<Chore>();
  private readonly relations: Relations;
  private readonly fetches: FetchSchedule;
  private readonly tags: TagPlan;
  private readonly board: BranchBoard;
  private autoSync: boolean;
  private relateFailures = 0;

  /** Branches to plan again before this event is done with. */
  private readonly touched = new Set<BranchName>();
  /** Effects of the event that is being handled. */
  private effects: SyncEffect[] = [];
  private unsaved = false;
  private boardChanged = false;
  /** `later` may wait until the moves that are out are answered; their refs then go out in one manifest. */
  private announcing: 'no' | 'later' | 'now' = 'no';

  constructor(options: SyncOptions = {}) {
    this.limits = limitsOf(options);
    this.jitter = options.jitter ?? (() => 0);
    this.autoSync = options.autoSync ?? true;
    this.relations = new Relations(this.limits.relationCache, this.limits.relateBatch);
    this.fetches = new FetchSchedule(this.peers, this.limits.maxFetches, (ref) => this.local.get(ref));
    this.tags = new TagPlan(this.local);
    this.board = new BranchBoard(this.local, this.peers, this.relations, this.moves);
    if (options.restored !== undefined) restoreSync(options.restored, this.local, this.peers);
  }

  /** Takes in one event and returns what to do now, in this order. Never throws for what a peer or a user can cause. */
  handle(event: SyncEvent): SyncEffect[] {
    this.effects = [];
    this.takeIn(event);
    if (this.local.ready) for (const branch of this.touched) this.plan(branch);
    if (this.local.ready) this.touched.clear();
    return this.conclude();
  }

  /** Every branch that is here or at a peer, by name. Empty before the first `local-refs`. */
  branches(): readonly BranchState[] {
    return this.board.all();
  }

  /** How far we are with a peer; undefined for one never heard of. */
  peerState(peer: PeerId): PeerSyncState | undefined {
    const record = this.peers.get(peer);
    return record && peerSyncState(record);
  }

  /** What a restart needs, as plain JSON; goes back in as `restored`. */
  persisted(): PersistedSync {
    return saveSync(this.local, this.peers.values());
  }

  private takeIn(event: SyncEvent): void {
    switch (event.type) {
      case 'local-refs':
        return this.onLocalRefs(event);
      case 'peer-up':
        return this.onPeerUp(event.peer);
      case 'peer-down':
        return this.onPeerDown(event.peer);
      case 'peer-gone':
        return this.onPeerGone(event.peer);
      case 'manifest':
        return this.onManifest(event);
      case 'fetched':
        return this.onFetched(event);
      case 'fetch-failed':
        return this.onFetchFailed(event);
      case 'related':
        return this.onRelated(event);
      case 'moved':
        return this.onMoved(event);
      case 'move-refused':
        return this.onMoveRefused(event);
      case 'apply-pending':
        return this.onApply(event.branch);
      case 'worktree-changed':
        return this.touch(this.moves.retryWaiting());
      case 'sync-now':
        return this.onSyncNow();
      case 'auto-sync':
        return this.onAutoSync(event.enabled);
      case 'tick':
        for (const chore of this.deadlines.tick(event.now)) this.onDue(chore);
    }
  }

  private onLocalRefs({ refs, head }: EventOf<'local-refs'>): void {
    const first = !this.local.ready;
    const { changes, headChanged, doubtful } = this.local.read(refs, head);
    for (const { ref } of changes) {
      const branch = branchOf(ref);
      if (branch === undefined) this.tags.changed(ref);
      else {
        this.touched.add(branch);
        this.moves.allowAgain(branch);
        this.deadlines.clear(branch);
      }
    }
    if (doubtful) this.effects.push({ type: 'read-refs' });
    if (changes.length > 0 || headChanged) this.touch(this.moves.retryWaiting());
    if (changes.length > 0 || headChanged || first) this.announcing = 'now';
    if (changes.length > 0 || first) this.unsaved = true;
    this.relations.retryFailed();
    if (!first) return;
    this.touchAll();
    for (const record of this.peers.values()) this.planTags(record);
  }

  private onPeerUp(peer: PeerId): void {
    const record = this.record(peer);
    record.up = true;
    // Before the first `local-refs` there is nothing to greet with; the announcement that follows it reaches this peer too.
    if (this.local.ready) this.effects.push({ type: 'greet', peer });
    // The link that carried the last acknowledgement may have died with it.
    this.acknowledge(record);
    this.tags.retry();
    this.planTags(record);
    this.tryAfresh(record);
  }

  private onPeerDown(peer: PeerId): void {
    const record = this.record(peer);
    record.up = false;
    this.fetches.withdraw(record);
    this.deadlines.clear(record);
  }

  private onPeerGone(peer: PeerId): void {
    const record = this.peers.get(peer);
    if (record === undefined) return;
    this.onPeerDown(peer);
    this.peers.delete(peer);
    this.unsaved = true;
    this.touch(branchesOf(record.seen?.refs.keys() ?? []));
    this.touch(record.bases.keys());
  }

  private onManifest({ peer, seq, refs }: EventOf<'manifest'>): void {
    const record = this.record(peer);
    if (record.newest !== undefined && seq <= record.newest.seq) return;
    record.newest = { seq, refs };
    this.fetches.offer(record);
  }

  private onFetched({ peer, seq, refused }: EventOf<'fetched'>): void {
    const record = this.peers.get(peer);
    if (record === undefined) return;
    const before = record.seen?.refs ?? NO_REFS;
    const refusedBefore = record.refused;
    const manifest = this.fetches.fetched(record, seq, refused);
    if (manifest === undefined) return;
    const changes = diffRefs(before, manifest.refs);
    this.touch(branchesOf(changes.map(({ ref }) => ref)));
    this.touch(branchesOf(refusedBefore));
    this.touch(branchesOf(refused));
    this.relations.retryFailed();
    this.planTags(record);
    this.unsaved = true;
    this.acknowledge(record);
  }

  private onFetchFailed({ peer, seq, reason }: EventOf<'fetch-failed'>): void {
    const record = this.peers.get(peer);
    const failure = record && this.fetches.failed(record, seq, reason);
    if (record?.up !== true || failure === undefined || failure.final) return;
    this.deadlines.set(record, this.delay(record.peer, failure.failures));
  }

  private onRelated({ relations }: EventOf<'related'>): void {
    const { branches, failed } = this.relations.answer(relations);
    this.touch(branches);
    this.relateFailures = failed ? this.relateFailures + 1 : 0;
    if (failed) this.deadlines.set(RELATE_AGAIN, this.delay(undefined, this.relateFailures));
  }

  private onMoved({ branch, from, to }: EventOf<'moved'>): void {
    this.moves.moved(branch);
    this.deadlines.clear(branch);
    this.touched.add(branch);
    if (this.local.moved(branch, from, to)) {
      this.unsaved = true;
      if (this.announcing === 'no') this.announcing = 'later';
    } else if (this.local.branch(branch) !== to) this.effects.push({ type: 'read-refs' });
  }

  private onMoveRefused({ branch, why, detail }: EventOf<'move-refused'>): void {
    this.touched.add(branch);
    if (why === 'pending') {
      const reviewed = this.moves.refusedPending(branch, detail);
      if (reviewed !== undefined) this.effects.push(reviewed);
      return;
    }
    // Planning from the refs that just lost would lose again. Fresh ones come; should they not differ, it is tried later (SY12).
    const times = this.moves.refusedMoved(branch);
    this.deadlines.set(branch, this.delay(undefined, times));
    this.effects.push({ type: 'read-refs' });
  }

  private onApply(branch: BranchName): void {
    const state = this.board.get(branch);
    const move = state && this.moves.approve(branch, state.local, state.peers);
    if (move !== undefined) this.effects.push(move);
    this.touched.add(branch);
  }

  private onSyncNow(): void {
    this.effects.push({ type: 'read-refs' });
    this.relations.retryFailed();
    this.tags.retry();
    this.touch(this.moves.retryWaiting());
    for (const record of this.peers.values()) {
      this.planTags(record);
      this.tryAfresh(record);
    }
  }

  private onAutoSync(enabled: boolean): void {
    this.autoSync = enabled;
    this.touchAll();
    for (const record of this.peers.values()) this.planTags(record);
  }

  private onDue(chore: Chore): void {
    if (chore === RELATE_AGAIN) this.relations.retryFailed();
    else if (typeof chore === 'string') {
      this.moves.allowAgain(chore);
      this.touched.add(chore);
    } else {
      this.fetches.release(chore);
      this.fetches.offer(chore);
    }
  }

  /** Plans one branch against all peers, and moves it if something lies ahead. */
  private plan(branch: BranchName): void {
    const plan = this.board.plan(branch);
    const move = this.moves.next(branch, this.local.branch(branch), plan.standings, this.autoSync);
    if (move !== undefined) this.effects.push(move);
    const busy = this.moves.isBusy(branch);
    const open = new Map(plan.standings.map(({ peer, standing }) => [peer, isOpen(standing, busy)]));
    for (const record of this.peers.values()) {
      if (open.get(record.peer) === true) record.open.add(branch);
      else record.open.delete(branch);
    }
    if (plan.basesChanged) this.unsaved = true;
    if (this.board.post(branch, plan)) this.boardChanged = true;
  }

  /** Gathers what follows from the new state, and puts all effects in order. */
  private conclude(): SyncEffect[] {
    const first: SyncEffect[] = this.unsaved ? [{ type: 'persist' }] : [];
    if (this.announcing === 'now' || (this.announcing === 'later' && !this.moves.anyOut)) {
      first.push({ type: 'announce', refs: this.local.snapshot(), head: this.local.head });
      this.announcing = 'no';
    }
    const { effects: fetches, held } = this.fetches.next();
    for (const record of held) this.deadlines.set(record, HOLD_MS);
    const effects = [...first, ...this.effects, ...fetches];
    const pairs = this.local.ready ? this.relations.nextBatch() : undefined;
    if (pairs !== undefined) effects.push({ type: 'relate', pairs });
    if (this.boardChanged) effects.push({ type: 'branches-changed' });
    effects.push(...this.newlySynced());
    const wake = this.deadlines.takeWake();
    if (wake !== undefined) effects.push(wake);
    this.unsaved = false;
    this.boardChanged = false;
    this.effects = [];
    return effects;
  }

  private newlySynced(): SyncEffect[] {
    const effects: SyncEffect[] = [];
    if (!this.local.ready) return effects;
    for (const record of this.peers.values()) {
      if (!isSettled(record) || record.syncedSeq === record.seen?.seq) continue;
      record.syncedSeq = record.seen?.seq;
      effects.push({ type: 'synced', peer: record.peer });
    }
    return effects;
  }

  private record(peer: PeerId): PeerRecord {
    const known = this.peers.get(peer);
    if (known !== undefined) return known;
    const record = newPeerRecord(peer);
    this.peers.set(peer, record);
    return record;
  }

  /** Everything of the manifest is here, unless some refs were refused: then it is not, and the author is not told that it is. */
  private acknowledge({ peer, seen, refused, up }: PeerRecord): void {
    if (up && seen !== undefined && refused.size === 0) this.effects.push({ type: 'ack', peer, seq: seen.seq });
  }

  private planTags(record: PeerRecord): void {
    if (!this.autoSync || !this.local.ready || record.seen === undefined) return;
    this.effects.push(...this.tags.plan(record, record.seen.refs));
  }

  private tryAfresh(record: PeerRecord): void {
    record.failure = undefined;
    this.deadlines.clear(record);
    this.fetches.release(record);
    this.fetches.offer(record);
  }

  private delay(peer: PeerId | undefined, failures: number): number {
    return backoffDelay(this.limits.retry, failures, this.jitter(peer, failures));
  }

  private touch(branches: Iterable<BranchName>): void {
    for (const branch of branches) this.touched.add(branch);
  }

  private touchAll(): void {
    this.touch(branchesOf(this.local.snapshot().keys()));
    for (const { seen, bases } of this.peers.values()) {
      this.touch(branchesOf(seen?.refs.keys() ?? []));
      this.touch(bases.keys());
    }
  }
}

/** Planning is not finished while a relation is not known, or while a fast-forward is neither done nor waiting for someone. */
const isOpen = (standing: BranchState['peers'][number]['standing'], busy: boolean): boolean =>
  standing === 'unknown' || (standing === 'fast-forward' && busy);

function* branchesOf(refs: Iterable<RefName>): Iterable<BranchName> {
  for (const ref of refs) {
    const branch = branchOf(ref);
    if (branch !== undefined) yield branch;
  }
}
