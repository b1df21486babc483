import { Emitter } from '../../shared/events.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import { MAX_NAME_LENGTH, MAX_ROSTER_ENTRIES, type RosterEntry } from '../link/control-protocol.ts';
import type { Identity } from '../link/identity.ts';
import type { Link } from '../link/link.ts';
import { peerNamespace } from '../repo/peer-namespace.ts';
import type { TransportAddress } from '../transport/transport.ts';
import { admit, Roster } from './roster.ts';
import type { SessionRecord } from './session-store.ts';

/** The people of a session: the roster, what they are called, where they are and where their refs are kept. */
export class Members {
  private readonly identity: Identity;
  private readonly record: SessionRecord;
  private readonly roster: Roster;
  private readonly changes = new Emitter<void>();
  /** The roster has somebody new, or somebody changed. */
  readonly onChange = this.changes.event;

  /** Reads and updates the people's part of `record`; the caller saves it after `onChange`. */
  constructor(identity: Identity, record: SessionRecord) {
    this.identity = identity;
    this.record = record;
    this.roster = new Roster(record.session, record.founder);
    this.roster.merge(record.roster);
  }

  all(): RosterEntry[] {
    return this.roster.entries();
  }

  others(): RosterEntry[] {
    return this.all().filter((entry) => entry.peer !== this.identity.peer);
  }

  get(peer: PeerId): RosterEntry | undefined {
    return this.roster.get(peer);
  }

  get self(): RosterEntry | undefined {
    return this.roster.get(this.identity.peer);
  }

  nameOf(peer: PeerId): string {
    return this.roster.get(peer)?.name ?? peer;
  }

  merge(entries: readonly RosterEntry[]): void {
    if (this.roster.merge(entries).length === 0) return;
    this.record.roster = this.all();
    this.changes.fire();
  }

  /** Signs a guest into the session (SE5). Throws `not-admitted` when the session is full. */
  admit(link: Link, name: string, now: number): void {
    const guest = { peer: link.peer, publicKey: link.publicKey, name: this.uniqueName(name, link.peer) };
    this.merge([admit(this.identity, this.record.session, { ...guest, role: 'write', epoch: 1, addedAt: now })]);
    if (this.roster.get(link.peer) !== undefined) return;
    throw new PeerweaveError(
      'not-admitted',
      `This session has as many members as it can have (${MAX_ROSTER_ENTRIES}).`,
    );
  }

  /** Resolves when the peer is a member; rejects when the signal fires first. */
  async awaitMember(peer: PeerId, signal: AbortSignal): Promise<void> {
    if (this.roster.get(peer) !== undefined) return;
    await new Promise<void>((resolve, reject) => {
      const subscription = this.onChange(() => {
        if (this.roster.get(peer) === undefined) return;
        subscription.dispose();
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      const onAbort = (): void => {
        subscription.dispose();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  addresses(peer: PeerId): readonly TransportAddress[] {
    return this.record.addresses[peer] ?? [];
  }

  /** True when the member was known at other addresses, or at none. Where others are is nothing to keep. */
  learnAddresses(peer: PeerId, addresses: readonly TransportAddress[]): boolean {
    if (this.roster.get(peer) === undefined) return false;
    const changed = JSON.stringify(this.addresses(peer)) !== JSON.stringify(addresses);
    this.record.addresses[peer] = [...addresses];
    return changed;
  }

  /** The peer's folder under `refs/remotes/peers/`: chosen once, from its name (SY3). */
  namespace(peer: PeerId): string {
    const taken = new Set(Object.values(this.record.namespaces));
    return (this.record.namespaces[peer] ??= peerNamespace(this.nameOf(peer), peer, taken));
  }

  /** Two people called Alex must be told apart in every view and event. */
  private uniqueName(name: string, peer: PeerId): string {
    const taken = new Set(
      this.all()
        .filter((entry) => entry.peer !== peer)
        .map((entry) => entry.name),
    );
    for (let n = 1; ; n++) {
      const suffix = n === 1 ? '' : ` ${n}`;
      const candidate = name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
      if (!taken.has(candidate)) return candidate;
    }
  }
}
