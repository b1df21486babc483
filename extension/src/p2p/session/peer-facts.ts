import type { RosterEntry } from '../link/control-protocol.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import type { Activity } from './activity.ts';
import { headOf, type ManifestLedger } from './manifest-ledger.ts';
import type { People } from './people.ts';
import type { PeerFacts } from './session-view.ts';

/** Who knows something of a peer. */
export interface PeerWitnesses {
  readonly people: Pick<People, 'mesh'>;
  readonly ledger: ManifestLedger;
  readonly core: SyncCore;
  readonly activity: Activity;
}

/** What is known of a peer at this moment, besides its branches. */
export function peerFacts(entry: RosterEntry, { people, ledger, core, activity }: PeerWitnesses): PeerFacts {
  const { peer } = entry;
  return {
    entry,
    link: people.mesh.link(peer),
    head: headOf(ledger.of(peer)),
    inSync: core.peerState(peer)?.inSync === true && ledger.hasOurs(peer),
    ...activity.of(peer),
  };
}
