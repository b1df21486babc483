import { isTagRef, type Oid, type PeerId, type RefName } from '../../shared/ids.ts';
import type { SyncEffect } from './model.ts';
import type { LocalRefs } from './local-refs.ts';
import type { PeerRecord } from './peer-record.ts';

/**
 * Tags travel and are never overwritten (SY8): one that is absent here is created, once, and one that the user deleted is not. Of two
 * peers with different tags of one name the first wins.
 */
export class TagPlan {
  /** Tags that were asked for and have not shown up yet. A refused one is asked for again when the peer comes back. */
  private readonly asked = new Map<RefName, PeerId>();
  private readonly local: LocalRefs;

  constructor(local: LocalRefs) {
    this.local = local;
  }

  /** Tags to create from these refs of the peer. */
  plan({ peer, refused }: PeerRecord, refs: Iterable<[RefName, Oid]>): SyncEffect[] {
    const effects: SyncEffect[] = [];
    for (const [ref, oid] of refs) {
      if (!isTagRef(ref) || refused.has(ref) || this.asked.has(ref)) continue;
      if (this.local.get(ref) !== null || this.local.isDeleted(ref)) continue;
      this.asked.set(ref, peer);
      effects.push({ type: 'create-tag', ref, oid, peer });
    }
    return effects;
  }

  /** The tag was seen in the repository, or is gone again. */
  changed(ref: RefName): void {
    this.asked.delete(ref);
  }

  /** Lets tags that never showed up be asked for again. */
  retry(): void {
    this.asked.clear();
  }
}
