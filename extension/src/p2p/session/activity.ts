import type { EngineEvent } from '../../rpc/contract.ts';
import type { Transfer } from '../../rpc/model.ts';
import { Emitter } from '../../shared/events.ts';
import type { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Link } from '../link/link.ts';
import type { RefMove, TransferProgress } from '../repo/repository.ts';
import type { Route } from '../transport/transport.ts';
import type { BranchState } from '../sync/model.ts';
import type { Approval } from './gatekeeper.ts';
import { transferOf } from './session-view.ts';

type PeerState = 'online' | 'reconnecting' | 'offline' | 'left';

/** What lately happened with each peer, and the events that tell about it: each cause once (ED3). */
export class Activity {
  private readonly log: Logger;
  private readonly nameOf: (peer: PeerId) => string;
  private readonly seen = new Set<PeerId>();
  private readonly lastSyncs = new Map<PeerId, number>();
  private readonly transfers = new Map<PeerId, Transfer>();
  private readonly errors = new Map<PeerId, PeerweaveError>();
  private readonly announcedGuests = new Set<string>();
  /** How each peer was linked, as last told. */
  private readonly toldPeers = new Map<
    PeerId,
    { state: PeerState; link: Link | undefined; route: Route | undefined }
  >();
  /** Branch → its candidates as last told. */
  private readonly toldConflicts = new Map<string, string>();
  private readonly happenings = new Emitter<EngineEvent>();
  readonly onEvent = this.happenings.event;

  constructor(log: Logger, nameOf: (peer: PeerId) => string) {
    this.log = log;
    this.nameOf = nameOf;
  }

  of(peer: PeerId): {
    seen: boolean;
    lastSync: number | undefined;
    transfer: Transfer | undefined;
    error: PeerweaveError | undefined;
  } {
    return {
      seen: this.seen.has(peer),
      lastSync: this.lastSyncs.get(peer),
      transfer: this.transfers.get(peer),
      error: this.errors.get(peer),
    };
  }

  tell(event: EngineEvent): void {
    this.happenings.fire(event);
  }

  /** Tells how a peer is linked now, when that is news: another way by the same route, as ICE may find it any time, is none. */
  peer(peer: PeerId, state: PeerState, link: Link | undefined): void {
    if (state === 'online') {
      this.seen.add(peer);
      this.errors.delete(peer);
    }
    const before = this.toldPeers.get(peer);
    if (before?.state === state && before.link === link && before.route === link?.route) return;
    this.toldPeers.set(peer, { state, link, route: link?.route });
    this.tell({
      event: 'peer',
      peer: this.nameOf(peer),
      fingerprint: peer,
      state,
      ...(link === undefined ? {} : { route: link.route }),
      ...(link?.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    });
  }

  waiting(approvals: readonly Approval[]): void {
    const ids = new Set(approvals.map(({ id }) => id));
    for (const id of this.announcedGuests) if (!ids.has(id)) this.announcedGuests.delete(id);
    for (const { id, peer, name } of approvals) {
      if (this.announcedGuests.has(id)) continue;
      this.announcedGuests.add(id);
      this.tell({ event: 'peer', peer: name, fingerprint: peer, state: 'waiting' });
    }
  }

  refsMoved(repo: string, moves: readonly RefMove[], by: PeerId): void {
    for (const { ref, from, to } of moves) this.tell({ event: 'ref', repo, ref, from, to, by: this.nameOf(by) });
  }

  synced(peer: PeerId, now: number): void {
    this.lastSyncs.set(peer, now);
    this.errors.delete(peer);
    this.tell({ event: 'synced', peer: this.nameOf(peer) });
  }

  /** `undefined` when the transfer is over. */
  progress(peer: PeerId, progress: TransferProgress | undefined): void {
    if (progress === undefined) {
      this.transfers.delete(peer);
      return;
    }
    const { id, ...transfer } = transferOf(peer, progress);
    this.transfers.set(peer, { id, ...transfer });
    this.tell({ event: 'progress', ...transfer });
  }

  /** The same reason again only updates the peer's row; a link that went is told as a state, not as an error. */
  failed(peer: PeerId, error: PeerweaveError): void {
    const repeated = this.errors.get(peer)?.reason === error.reason;
    this.errors.set(peer, error);
    this.log.warn(`Sync with ${this.nameOf(peer)}: ${error.message}`);
    const passing = error.reason === 'cancelled' || error.reason === 'link-lost';
    if (!repeated && !passing) this.tell({ event: 'error', reason: error.reason, message: error.message });
  }

  /** Tells each conflict once, and again only when its candidates change. */
  conflicts(branches: readonly BranchState[], self: PeerId): void {
    const open = new Set<string>();
    for (const { branch, conflict } of branches) {
      if (conflict === undefined) continue;
      open.add(branch);
      const candidates = conflict.map(({ tip, owners }) => ({
        oid: tip,
        owners: owners.map((owner) => this.nameOf(owner ?? self)),
      }));
      const told = JSON.stringify(candidates);
      if (this.toldConflicts.get(branch) === told) continue;
      this.toldConflicts.set(branch, told);
      this.tell({ event: 'conflict', branch, candidates });
    }
    for (const branch of this.toldConflicts.keys()) if (!open.has(branch)) this.toldConflicts.delete(branch);
  }
}
