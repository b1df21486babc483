import { branchOf, type BranchName, type Oid, type PeerId } from '../../shared/ids.ts';
import type { LocalRefs } from './local-refs.ts';
import { newPeerRecord, type PeerRecord } from './peer-record.ts';
import type { Settler } from './settler.ts';
import type { PersistedPeer, PersistedSync } from './persisted.ts';

/** Writes down what a restart needs of the core's state. */
export function saveSync(local: LocalRefs, peers: Iterable<PeerRecord>, settler: Settler): PersistedSync {
  return {
    version: 1,
    local: [...local.snapshot()],
    deleted: [...local.deletions()],
    left: [...local.allLeft()].map(([branch, tips]) => [branch, [...tips]]),
    settled: [...settler.allSettled()].map(([branch, settled]) => [
      branch,
      settled.map(({ heads, commit }) => ({ heads: [...heads], commit })),
    ]),
    peers: [...peers].map(savePeer),
  };
}

/** Fills empty state with what `saveSync` wrote. */
export function restoreSync(
  saved: PersistedSync,
  local: LocalRefs,
  peers: Map<PeerId, PeerRecord>,
  settler: Settler,
): void {
  settler.restore(saved.settled ?? []);
  local.restore(saved.local, saved.deleted, saved.left);
  for (const peer of saved.peers) peers.set(peer.peer, restorePeer(peer));
}

function savePeer({ peer, seen, refused, bases }: PeerRecord): PersistedPeer {
  const differing: [BranchName, Oid | null][] = [];
  const there = new Map<BranchName, Oid>();
  for (const [ref, oid] of seen?.refs ?? []) {
    const branch = branchOf(ref);
    if (branch === undefined) continue;
    there.set(branch, oid);
    const base = bases.get(branch);
    if (base !== oid) differing.push([branch, base ?? null]);
  }
  for (const [branch, base] of bases) if (!there.has(branch)) differing.push([branch, base]);
  return {
    peer,
    ...(seen ? { seen: { seq: seen.seq, refs: [...seen.refs] } } : {}),
    refused: [...refused],
    bases: differing,
  };
}

function restorePeer({ peer, seen, refused, bases }: PersistedPeer): PeerRecord {
  const record = newPeerRecord(peer);
  record.refused = new Set(refused);
  if (seen !== undefined) record.seen = { seq: seen.seq, refs: new Map(seen.refs) };
  record.newest = record.seen;
  for (const [ref, oid] of seen?.refs ?? []) {
    const branch = branchOf(ref);
    if (branch !== undefined) record.bases.set(branch, oid);
  }
  for (const [branch, base] of bases) {
    if (base === null) record.bases.delete(branch);
    else record.bases.set(branch, base);
  }
  return record;
}
