import type { Reason } from '../../shared/errors.ts';
import type { BranchName, PeerId, RefName } from '../../shared/ids.ts';
import type { Deadlines } from './deadlines.ts';
import { FetchSchedule } from './fetch-schedule.ts';
import type { LocalRefs } from './local-refs.ts';
import type { BranchStanding, PeerStanding, Refs } from './model.ts';
import type { Outbox } from './outbox.ts';
import { isSettled, newPeerRecord, type PeerRecord } from './peer-record.ts';
import { branchesOf, diffRefs } from './ref-diff.ts';

/** How long the same commits are waited for from another peer before they are fetched from this one too. */
const HOLD_MS = 2_000;

const NO_REFS: Refs = new Map();

/** What the book needs of the core around it. */
interface Surroundings {
  readonly local: LocalRefs;
  readonly outbox: Outbox;
  readonly deadlines: Pick<Deadlines<PeerRecord>, 'set' | 'clear'>;
  readonly maxFetches: number;
  /** How long a peer rests after that many failures in a row, in milliseconds. */
  readonly delay: (peer: PeerId, failures: number) => number;
}

/** The peers, what each has announced, and what of it is being fetched. Methods return the branches that must be planned again. */
export class PeerBook {
  readonly records = new Map<PeerId, PeerRecord>();
  private readonly around: Surroundings;
  private readonly fetches: FetchSchedule;

  constructor(around: Surroundings) {
    this.around = around;
    this.fetches = new FetchSchedule(this.records, around.maxFetches, (ref) => around.local.get(ref));
  }

  up(peer: PeerId): PeerRecord {
    const record = this.record(peer);
    record.up = true;
    // Before the first `local-refs` there is nothing to greet with; the announcement that follows it reaches this peer too.
    if (this.around.local.ready) this.around.outbox.add({ type: 'greet', peer });
    // The link that carried the last acknowledgement may have died with it.
    this.acknowledge(record);
    this.tryAfresh(record);
    return record;
  }

  down(peer: PeerId): void {
    const record = this.record(peer);
    record.up = false;
    this.fetches.withdraw(record);
    this.around.deadlines.clear(record);
  }

  gone(peer: PeerId): readonly BranchName[] {
    const record = this.records.get(peer);
    if (record === undefined) return [];
    this.down(peer);
    this.records.delete(peer);
    this.around.outbox.save();
    return [...this.branchesWith(record)];
  }

  manifest(peer: PeerId, seq: number, refs: Refs): void {
    const record = this.record(peer);
    if (record.newest !== undefined && seq <= record.newest.seq) return;
    record.newest = { seq, refs };
    this.fetches.offer(record);
  }

  /** Undefined when this answers no fetch that is out. */
  fetched(
    peer: PeerId,
    seq: number,
    refused: readonly RefName[],
  ): { readonly record: PeerRecord; readonly branches: readonly BranchName[] } | undefined {
    const record = this.records.get(peer);
    if (record === undefined) return undefined;
    const before = record.seen?.refs;
    const refusedBefore = record.refused;
    const manifest = this.fetches.fetched(record, seq, refused);
    if (manifest === undefined) return undefined;
    this.around.outbox.save();
    this.acknowledge(record);
    const changed = diffRefs(before ?? NO_REFS, manifest.refs).map(({ ref }) => ref);
    // The first manifest says of every branch here whether the peer has it.
    const all = before === undefined ? this.around.local.snapshot().keys() : [];
    return { record, branches: [...branchesOf([...changed, ...all, ...refusedBefore, ...refused])] };
  }

  fetchFailed(peer: PeerId, seq: number, reason: Reason): void {
    const record = this.records.get(peer);
    const failure = record && this.fetches.failed(record, seq, reason);
    if (record?.up !== true || failure === undefined || failure.final) return;
    this.around.deadlines.set(record, this.around.delay(peer, failure.failures));
  }

  /** The peer has rested, or was held back, long enough. */
  due(record: PeerRecord): void {
    this.fetches.release(record);
    this.fetches.offer(record);
  }

  /** Forgets what went wrong. */
  tryAfresh(record: PeerRecord): void {
    record.failure = undefined;
    this.around.deadlines.clear(record);
    this.due(record);
  }

  /** The branch was planned; `busy` while a move of it is out. */
  planned(branch: BranchName, standings: readonly PeerStanding[], busy: boolean): void {
    let next = 0;
    for (const record of this.records.values()) {
      // Standings come in the order of the records, of some of them.
      const one = standings[next]?.peer === record.peer ? standings[next++] : undefined;
      if (one !== undefined && isOpen(one.standing, busy)) record.open.add(branch);
      else record.open.delete(branch);
    }
  }

  /** Starts what may be fetched now. */
  startFetches(): void {
    const { effects, held } = this.fetches.next();
    this.around.outbox.addAll(effects);
    for (const record of held) this.around.deadlines.set(record, HOLD_MS);
  }

  /** Says `synced` for each linked peer with whom nothing is outstanding, once a manifest (and once more after a restart). */
  tellSynced(): void {
    for (const record of this.records.values()) {
      if (!record.up || !isSettled(record) || record.syncedSeq === record.seen?.seq) continue;
      record.syncedSeq = record.seen?.seq;
      this.around.outbox.add({ type: 'synced', peer: record.peer });
    }
  }

  /** Branches that the peer has, or that both once had. */
  *branchesWith({ seen, bases }: PeerRecord): Iterable<BranchName> {
    yield* branchesOf(seen?.refs.keys() ?? []);
    yield* bases.keys();
  }

  private record(peer: PeerId): PeerRecord {
    const known = this.records.get(peer);
    if (known !== undefined) return known;
    const record = newPeerRecord(peer);
    this.records.set(peer, record);
    return record;
  }

  /** Everything of the manifest is here, unless some refs were refused: then it is not, and the author is not told that it is. */
  private acknowledge({ peer, seen, refused, up }: PeerRecord): void {
    if (up && seen !== undefined && refused.size === 0) this.around.outbox.add({ type: 'ack', peer, seq: seen.seq });
  }
}

/** Planning is not finished while a relation is not known, or while a fast-forward is neither done nor waiting for someone. */
const isOpen = (standing: BranchStanding, busy: boolean): boolean =>
  standing === 'unknown' || (standing === 'fast-forward' && busy);
