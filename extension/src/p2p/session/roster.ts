import type { PeerId, SessionId } from '../../shared/ids.ts';
import { fingerprintOf, verifySignature, type Identity } from '../link/identity.ts';
import { MAX_ROSTER_ENTRIES, type RosterEntry } from '../link/control-protocol.ts';

/**
 * Who belongs to a session (SE5). Every entry is signed by the owner that admitted the member; the founder, whose fingerprint
 * came with the invite, signs itself. Anyone can hand the roster on, nobody can add to it without an owner's key.
 */
export class Roster {
  private readonly session: SessionId;
  private readonly founder: PeerId;
  private readonly byPeer = new Map<PeerId, RosterEntry>();

  constructor(session: SessionId, founder: PeerId) {
    this.session = session;
    this.founder = founder;
  }

  /** Members in the order of their admission. */
  entries(): RosterEntry[] {
    return [...this.byPeer.values()].sort((a, b) => a.addedAt - b.addedAt || (a.peer < b.peer ? -1 : 1));
  }

  get(peer: PeerId): RosterEntry | undefined {
    return this.byPeer.get(peer);
  }

  /**
   * Takes what verifies and is newer, ignores the rest; returns the members that are new or changed. Entries may come in any
   * order, so it goes round until nothing more can be verified.
   */
  merge(entries: readonly RosterEntry[]): RosterEntry[] {
    const accepted: RosterEntry[] = [];
    let waiting = entries.filter((entry) => this.isNews(entry));
    for (;;) {
      const verified = waiting.filter((entry) => this.verifies(entry));
      if (verified.length === 0) return accepted;
      for (const entry of verified) {
        if (this.byPeer.size >= MAX_ROSTER_ENTRIES && !this.byPeer.has(entry.peer)) continue;
        this.byPeer.set(entry.peer, entry);
        accepted.push(entry);
      }
      waiting = waiting.filter((entry) => !verified.includes(entry));
    }
  }

  private isNews(entry: RosterEntry): boolean {
    const known = this.byPeer.get(entry.peer);
    return (
      known === undefined || entry.epoch > known.epoch || (entry.epoch === known.epoch && entry.addedAt > known.addedAt)
    );
  }

  private verifies(entry: RosterEntry): boolean {
    const key = Buffer.from(entry.publicKey, 'base64');
    if (!keyMatches(key, entry.peer)) return false;
    const signerKey =
      entry.peer === this.founder && entry.addedBy === this.founder ? key : this.ownerKey(entry.addedBy);
    return (
      signerKey !== undefined &&
      verifySignature(signerKey, rosterBytes(this.session, entry), Buffer.from(entry.signature, 'base64'))
    );
  }

  private ownerKey(peer: PeerId): Buffer | undefined {
    const entry = this.byPeer.get(peer);
    return entry?.role === 'owner' ? Buffer.from(entry.publicKey, 'base64') : undefined;
  }
}

/** Signs a member into the session with the owner's key. */
export function admit(
  owner: Identity,
  session: SessionId,
  member: Pick<RosterEntry, 'peer' | 'name' | 'role' | 'epoch' | 'addedAt'> & { readonly publicKey: Uint8Array },
): RosterEntry {
  const unsigned = {
    ...member,
    publicKey: Buffer.from(member.publicKey).toString('base64'),
    addedBy: owner.peer,
    signature: '',
  };
  return { ...unsigned, signature: Buffer.from(owner.sign(rosterBytes(session, unsigned))).toString('base64') };
}

/** What is signed: a label, the session and every field but the signature, as one JSON array, which has one spelling. */
function rosterBytes(session: SessionId, entry: RosterEntry): Buffer {
  const { peer, publicKey, name, role, epoch, addedBy, addedAt } = entry;
  return Buffer.from(
    JSON.stringify(['peerweave roster v1', session, peer, publicKey, name, role, epoch, addedBy, addedAt]),
  );
}

function keyMatches(key: Uint8Array, peer: PeerId): boolean {
  try {
    return fingerprintOf(key) === peer;
  } catch {
    return false;
  }
}
