import { Emitter } from '../../shared/events.ts';
import { DisposableStore, disposable, type Disposable } from '../../shared/disposable.ts';
import { asPeerweaveError, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { JoinParams, Welcome } from '../link/control-protocol.ts';
import type { LinkHost } from '../link/link-host.ts';
import { LinkTable } from '../link/link-table.ts';
import type { Link } from '../link/link.ts';
import type { TransportAddress } from '../transport/transport.ts';

export interface MeshOptions {
  readonly self: PeerId;
  readonly log: Logger;
  readonly host: LinkHost;
  /** Members that should be linked: everybody in the roster but us. */
  readonly members: () => readonly PeerId[];
  readonly addresses: (peer: PeerId) => readonly TransportAddress[];
  /** Lets the peer in or throws why not. */
  readonly admit: (link: Link, params: JoinParams) => Promise<Welcome>;
  /** What we say to a member when we come (back). */
  readonly joinParams: () => JoinParams;
  readonly welcomed: (link: Link, welcome: Welcome) => void;
  /** Sets the handlers of a new link, before anything of a member can arrive on it. */
  readonly prepare: (link: Link) => void;
}

/** The lower id dials at once; the other waits this long for the call before it dials itself, for one-way firewalls. */
const HIGHER_ID_GRACE_MS = 2_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A stranger that neither joins nor leaves is hung up on. */
const JOIN_DEADLINE_MS = 15_000;

/**
 * Keeps one link to every member: dials those that are missing, lets in those that call, drops duplicates (LI5), and says who
 * is up. `up` comes after admission, so whoever hears it may speak freely.
 */
export class Mesh implements Disposable {
  private readonly options: MeshOptions;
  private readonly table = new LinkTable();
  private readonly resources = new DisposableStore();
  private readonly stopped = new AbortController();
  private readonly dialing = new Map<PeerId, Disposable>();
  private readonly ups = new Emitter<Link>();
  private readonly downs = new Emitter<{ link: Link; error: PeerweaveError }>();
  private readonly changes = new Emitter<Link>();
  readonly onUp = this.ups.event;
  /** A member's last link is gone, and why; call `connect` to have it dialed again. */
  readonly onDown = this.downs.event;
  /** A link's state, route or round trip changed. */
  readonly onChange = this.changes.event;

  constructor(options: MeshOptions) {
    this.options = options;
    this.resources.add(disposable(() => this.stopped.abort()));
    this.resources.add(options.host.onLink((link) => this.accept(link)));
  }

  link(peer: PeerId): Link | undefined {
    return this.table.get(peer);
  }

  links(): Link[] {
    return [...this.table.links()];
  }

  isDialing(peer: PeerId): boolean {
    return this.dialing.has(peer);
  }

  /** Dials every member without a link. Called when the roster or an address changed. */
  connect(): void {
    for (const peer of this.options.members()) {
      if (this.table.get(peer) !== undefined || this.dialing.has(peer) || this.stopped.signal.aborted) continue;
      const first = this.options.self < peer ? 0 : HIGHER_ID_GRACE_MS;
      this.dialing.set(peer, this.redial(peer, first, FIRST_RETRY_MS));
    }
  }

  /** Takes over a link that already went through `join`, as a guest's first link to the host. */
  async adopt(link: Link): Promise<void> {
    this.options.prepare(link);
    await this.admitted(link);
  }

  /** Closes every link; the reason travels with it, so that the others know a leave from a loss. */
  async close(error: PeerweaveError): Promise<void> {
    const links = this.links();
    this.dispose();
    await Promise.allSettled(links.map((link) => link.close(error)));
  }

  dispose(): void {
    for (const attempt of this.dialing.values()) attempt.dispose();
    this.dialing.clear();
    this.resources.dispose();
  }

  private redial(peer: PeerId, inMs: number, retryMs: number): Disposable {
    const abort = new AbortController();
    const timer = setTimeout(() => void this.dial(peer, retryMs, abort.signal), inMs);
    return disposable(() => {
      clearTimeout(timer);
      abort.abort();
    });
  }

  private async dial(peer: PeerId, retryMs: number, signal: AbortSignal): Promise<void> {
    const { options } = this;
    try {
      if (this.table.get(peer) === undefined) {
        const link = await options.host.dial({ peer, addresses: options.addresses(peer), signal });
        // The key is the member's: what it sends may be read from now on, although it has not let us in yet.
        link.admit();
        options.prepare(link);
        const welcome = await link.control
          .request('join', options.joinParams(), { signal })
          .catch(async (error: unknown) => {
            await link.close(asPeerweaveError(error));
            throw error;
          });
        options.welcomed(link, welcome);
        await this.admitted(link);
      }
      this.dialing.delete(peer);
    } catch (error) {
      this.dialing.delete(peer);
      if (signal.aborted || this.stopped.signal.aborted) return;
      options.log.debug(`Dialing ${peer}: ${asPeerweaveError(error).message}`);
      this.dialing.set(peer, this.redial(peer, retryMs, Math.min(retryMs * 2, MAX_RETRY_MS)));
    }
  }

  private accept(link: Link): void {
    const deadline = setTimeout(() => {
      void link.close(new PeerweaveError('timeout', 'The peer connected but did not ask to join.'));
    }, JOIN_DEADLINE_MS);
    link.onClosed(() => clearTimeout(deadline));
    let asked = false;
    link.control.handleRequest('join', async (params) => {
      clearTimeout(deadline);
      if (asked) throw new PeerweaveError('protocol-violation', 'A peer joins once on each link.');
      asked = true;
      try {
        const welcome = await this.options.admit(link, params);
        this.options.prepare(link);
        link.admit();
        // After the answer is on its way: the guest expects it before anything else.
        setImmediate(() => void this.admitted(link));
        return welcome;
      } catch (error) {
        // The guest hears the reason in the answer; the link goes once that had a chance to arrive.
        setTimeout(() => void link.close(asPeerweaveError(error)), 1_000).unref();
        throw error;
      }
    });
  }

  /** Enters the link in the table and, if it is the one that survives, tells that the peer is up. */
  private async admitted(link: Link): Promise<void> {
    if (link.state === 'closed' || this.stopped.signal.aborted) return;
    const before = this.table.get(link.peer);
    if (!(await this.table.add(link))) return;
    this.dialing.get(link.peer)?.dispose();
    this.dialing.delete(link.peer);
    link.onState(() => this.changes.fire(link));
    link.onClosed((error) => {
      // A link that lost to a better one takes nobody down.
      if (this.table.get(link.peer) !== undefined || this.stopped.signal.aborted) return;
      this.options.log.info(`Link to ${link.peer} closed: ${error.message}`);
      this.downs.fire({ link, error });
    });
    if (before !== undefined) this.options.log.debug(`A newer link to ${link.peer} took over.`);
    this.ups.fire(link);
  }
}
