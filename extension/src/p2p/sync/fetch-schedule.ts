import type { Reason } from '../../shared/errors.ts';
import type { Oid, PeerId, RefName } from '../../shared/ids.ts';
import type { SyncEffect } from './model.ts';
import type { FetchFailure, PeerRecord, SeenManifest } from './peer-record.ts';

type FetchEffect = Extract<SyncEffect, { type: 'fetch' }>;

/** Failures that the same objects would meet again, or that a person wanted: only a new manifest or a person can cure them. */
const FINAL: ReadonlySet<Reason> = new Set(['pack-rejected', 'pack-too-large', 'ref-name-rejected', 'cancelled']);

/** What to start now, and which peers began to wait for objects that another fetch already brings. */
interface FetchPlan {
  readonly effects: readonly FetchEffect[];
  readonly held: readonly PeerRecord[];
}

/**
 * Decides which manifests are fetched when: one fetch a peer, a few in all, first come first served, the newest manifest of each
 * peer. Commits that several peers announce at once are fetched from one of them, and then found here for the others.
 */
export class FetchSchedule {
  /** Peers with something to fetch, in the order of coming. */
  private readonly queue = new Set<PeerRecord>();
  private readonly held = new Set<PeerRecord>();
  /** Peers that have been held long enough: the fetch they were held for may be stuck. */
  private readonly released = new Set<PeerRecord>();
  /** True when something happened since the last `next` that may let a fetch start: looking through large manifests is not for nothing. */
  private changed = false;
  private readonly peers: ReadonlyMap<PeerId, PeerRecord>;
  private readonly maxFetches: number;
  private readonly here: (ref: RefName) => Oid | null;

  /** `here` looks up a ref of the local repository. */
  constructor(peers: ReadonlyMap<PeerId, PeerRecord>, maxFetches: number, here: (ref: RefName) => Oid | null) {
    this.peers = peers;
    this.maxFetches = maxFetches;
    this.here = here;
  }

  /** Queues what the peer has and we have not, whatever went wrong before. */
  offer(record: PeerRecord): void {
    if (!record.up || record.newest === undefined || record.newest.seq === record.seen?.seq) return;
    this.queue.add(record);
    this.changed = true;
  }

  withdraw(record: PeerRecord): void {
    this.queue.delete(record);
    this.held.delete(record);
    this.released.delete(record);
    this.changed = true;
  }

  /** Stops holding the peer back for the sake of another fetch. */
  release(record: PeerRecord): void {
    if (this.held.has(record)) this.released.add(record);
  }

  next(): FetchPlan {
    const effects: FetchEffect[] = [];
    const held: PeerRecord[] = [];
    if (!this.changed) return { effects, held };
    this.changed = false;
    let running = [...this.peers.values()].filter(({ fetching }) => (fetching?.brings.size ?? 0) > 0).length;
    for (const record of this.queue) {
      if (record.fetching !== undefined || record.newest === undefined) continue;
      const brings = this.newTips(record, record.newest);
      // What needs no network need not wait for those that do.
      if (brings.size > 0) {
        if (running >= this.maxFetches) continue;
        if (this.isComing(brings) && !this.released.has(record)) {
          if (!this.held.has(record)) held.push(record);
          this.held.add(record);
          continue;
        }
        running += 1;
      }
      this.queue.delete(record);
      this.held.delete(record);
      this.released.delete(record);
      record.fetching = { manifest: record.newest, brings };
      effects.push({ type: 'fetch', peer: record.peer, seq: record.newest.seq, refs: record.newest.refs });
    }
    return { effects, held };
  }

  /** Takes the answer of a fetch; undefined when it answers none that is out. */
  fetched(record: PeerRecord, seq: number, refused: readonly RefName[]): SeenManifest | undefined {
    const manifest = this.finish(record, seq);
    if (manifest === undefined) return undefined;
    record.failure = undefined;
    record.seen = manifest;
    record.refused = new Set(refused);
    return manifest;
  }

  /** Takes the failure of a fetch. Undefined when it answers none that is out, or when a newer manifest is tried instead. */
  failed(record: PeerRecord, seq: number, reason: Reason): FetchFailure | undefined {
    if (this.finish(record, seq) === undefined) return undefined;
    const failure = { reason, failures: (record.failure?.failures ?? 0) + 1, final: FINAL.has(reason) };
    record.failure = failure;
    // A newer manifest is in the queue already.
    return record.newest?.seq === seq ? failure : undefined;
  }

  private finish(record: PeerRecord, seq: number): SeenManifest | undefined {
    const manifest = record.fetching?.manifest;
    if (manifest?.seq !== seq) return undefined;
    record.fetching = undefined;
    this.changed = true;
    return manifest;
  }

  /** Tips of the manifest that are not known to be here. */
  private newTips({ peer, seen }: PeerRecord, { refs }: SeenManifest): ReadonlySet<Oid> {
    const tips = new Set<Oid>();
    for (const [ref, oid] of refs) {
      if (seen?.refs.get(ref) === oid || this.here(ref) === oid) continue;
      if (!this.hasSeen(ref, oid, peer)) tips.add(oid);
    }
    return tips;
  }

  private hasSeen(ref: RefName, oid: Oid, except: PeerId): boolean {
    for (const { peer, seen, refused } of this.peers.values()) {
      if (peer !== except && seen?.refs.get(ref) === oid && !refused.has(ref)) return true;
    }
    return false;
  }

  /** True when fetches that are out bring all of these: better to wait for them than to carry the same objects twice. */
  private isComing(tips: ReadonlySet<Oid>): boolean {
    const coming = [...this.peers.values()].flatMap(({ fetching }) =>
      fetching === undefined ? [] : [fetching.brings],
    );
    return [...tips].every((tip) => coming.some((brings) => brings.has(tip)));
  }
}
