import { Emitter } from '../../shared/events.ts';
import { DisposableStore, disposable, type Disposable } from '../../shared/disposable.ts';
import { asPeerweaveError, messageOf, PeerweaveError } from '../../shared/errors.ts';
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
/** Two clones with one key would take a member from each other as fast as they can dial; the one that lost rests. */
const DISPLACED_RETRY_MS = 120_000;
/** A stranger that neither joins nor leaves is hung up on. */
const JOIN_DEADLINE_MS = 15_000;
/** Links that have not asked to join. Past it the oldest goes, so that silent ones cannot keep honest ones out. */
const MAX_SILENT = 64;
/** For the answer to a refused `join` to arrive before its link goes. */
const REFUSAL_MS = 1_000;

/** A dial that waits for its time, or is under way. */
interface Attempt {
  readonly peer: PeerId;
  /** How long the next one waits when this one fails. */
  readonly retryMs: number;
  readonly abort: AbortController;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps one link to every member: dials those that are missing, lets in those that call, drops duplicates (LI5), and says who
 * is up. `up` comes after admission, so whoever hears it may speak freely.
 */
export class Mesh implements Disposable {
  private readonly options: MeshOptions;
  private readonly table = new LinkTable();
  private readonly resources = new DisposableStore();
  private readonly stopped = new AbortController();
  private readonly dialing = new Map<PeerId, Attempt>();
  /** Accepted links that have not asked to join, oldest first. */
  private readonly silent = new Set<Link>();
  /** Accepted links that have asked, and have no answer yet. */
  private readonly asking = new Set<Link>();
  /** Members that `up` was told of, and `down` was not yet. */
  private readonly told = new Set<PeerId>();
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
    const link = this.table.get(peer);
    // The table has a link until everybody has heard that it is closed.
    return link?.state === 'closed' ? undefined : link;
  }

  links(): Link[] {
    return [...this.table.links()].filter(({ state }) => state !== 'closed');
  }

  /** Dials every member that has neither a link nor an attempt. Called when the roster or an address changed. */
  connect(): void {
    for (const peer of this.options.members()) {
      if (this.dialing.has(peer)) continue;
      this.schedule(peer, this.options.self < peer ? 0 : HIGHER_ID_GRACE_MS, FIRST_RETRY_MS);
    }
  }

  /** Dials a member that is being dialed anew, however long it was to rest: it is known to be elsewhere, or a person asks. */
  redial(peer: PeerId): void {
    if (!this.dialing.has(peer)) return;
    this.giveUp(peer);
    this.schedule(peer, 0, FIRST_RETRY_MS);
  }

  /** Dials every member that is not linked, without rest. */
  redialAll(): void {
    for (const peer of [...this.dialing.keys()]) this.redial(peer);
    this.connect();
  }

  /** Takes over a link that already went through `join`, as a guest's first link to the host. */
  async adopt(link: Link): Promise<void> {
    this.options.prepare(link);
    await this.admitted(link);
  }

  /** Closes every link; the reason travels with it, so that the others know a leave from a loss. */
  async close(error: PeerweaveError): Promise<void> {
    const links = [...this.links(), ...this.silent, ...this.asking];
    this.dispose();
    await Promise.allSettled(links.map((link) => link.close(error)));
  }

  dispose(): void {
    for (const peer of [...this.dialing.keys()]) this.giveUp(peer);
    this.resources.dispose();
  }

  private schedule(peer: PeerId, inMs: number, retryMs: number): void {
    if (this.stopped.signal.aborted || this.link(peer) !== undefined) return;
    // Nobody knows yet where it is: it will be dialed when somebody does, or it calls.
    if (this.options.addresses(peer).length === 0) return;
    const attempt: Attempt = { peer, retryMs, abort: new AbortController(), timer: undefined };
    attempt.timer = setTimeout(() => void this.dial(attempt), inMs);
    this.dialing.set(peer, attempt);
  }

  private giveUp(peer: PeerId): void {
    const attempt = this.dialing.get(peer);
    clearTimeout(attempt?.timer);
    attempt?.abort.abort();
    this.dialing.delete(peer);
  }

  private async dial(attempt: Attempt): Promise<void> {
    const { peer, retryMs, abort } = attempt;
    const { host, addresses, log } = this.options;
    const isCurrent = (): boolean => this.dialing.get(peer) === attempt;
    try {
      if (this.link(peer) === undefined) {
        const signal = AbortSignal.any([abort.signal, this.stopped.signal]);
        await this.enter(await host.dial({ peer, addresses: addresses(peer), signal }));
      }
      if (isCurrent()) this.dialing.delete(peer);
    } catch (error) {
      if (!isCurrent()) return;
      this.dialing.delete(peer);
      log.debug(`Dialing ${peer}: ${asPeerweaveError(error).message}`);
      this.schedule(peer, retryMs, Math.min(retryMs * 2, MAX_RETRY_MS));
    }
  }

  /**
   * Asks a member that we have dialed to let us in. Not given up when the member's own call is let in meanwhile: it may have given up
   * that one for ours, and then neither would stay (LI5). The table decides, as theirs does.
   */
  private async enter(link: Link): Promise<void> {
    const { prepare, joinParams, welcomed } = this.options;
    // The key is the member's: what it sends may be read from now on, although it has not let us in yet.
    link.admit();
    prepare(link);
    try {
      welcomed(link, await link.control.request('join', joinParams(), { signal: this.stopped.signal }));
    } catch (error) {
      await link.close(asPeerweaveError(error));
      throw error;
    }
    await this.admitted(link);
  }

  private accept(link: Link): void {
    this.silent.add(link);
    const [oldest] = this.silent;
    if (this.silent.size > MAX_SILENT) void oldest?.close(silence());
    const deadline = setTimeout(() => void link.close(silence()), JOIN_DEADLINE_MS);
    const heard = disposable(() => {
      clearTimeout(deadline);
      this.silent.delete(link);
    });
    link.onClosed(() => heard.dispose());
    let asked = false;
    link.control.handleRequest('join', async (params) => {
      heard.dispose();
      if (asked) throw new PeerweaveError('protocol-violation', 'A peer joins once on each link.');
      asked = true;
      return this.answer(link, params);
    });
  }

  private async answer(link: Link, params: JoinParams): Promise<Welcome> {
    this.asking.add(link);
    try {
      const welcome = await this.options.admit(link, params);
      // It was dialed from there, so the link itself does not know; and it is told only of what changes.
      link.updateAddresses(this.options.addresses(link.peer));
      this.options.prepare(link);
      link.admit();
      // After the answer is on its way: the guest expects it before anything else.
      setImmediate(() => void this.admitted(link));
      return welcome;
    } catch (error) {
      const refusal = this.refusal(error);
      setTimeout(() => void link.close(refusal), REFUSAL_MS).unref();
      throw refusal;
    } finally {
      this.asking.delete(link);
    }
  }

  /** What a stranger may know of why it is not let in: what is not said on purpose stays in our log. */
  private refusal(error: unknown): PeerweaveError {
    if (error instanceof PeerweaveError) return error;
    this.options.log.error(`Letting somebody in failed: ${messageOf(error)}`);
    return new PeerweaveError('internal', 'Something went wrong on the other side.');
  }

  /** Enters the link in the table and, if it is the one that survives, tells that the peer is up. */
  private async admitted(link: Link): Promise<void> {
    const { peer } = link;
    if (link.state === 'closed' || this.stopped.signal.aborted) return;
    const before = this.table.get(peer);
    // Before the table takes it: that may wait for the loser to close, and this one may be gone by then.
    link.onClosed((error) => this.lost(link, error));
    if (!(await this.table.add(link))) return;
    if (this.link(peer) !== link) return;
    link.onState(() => this.changes.fire(link));
    link.onRoute(() => this.changes.fire(link));
    this.giveUpWaiting(peer);
    if (before !== undefined) this.options.log.debug(`A newer link to ${peer} took over.`);
    this.told.add(peer);
    this.ups.fire(link);
  }

  /** An attempt that has not begun is not needed; one that is under way ends by itself, see `enter`. */
  private giveUpWaiting(peer: PeerId): void {
    const attempt = this.dialing.get(peer);
    clearTimeout(attempt?.timer);
    this.dialing.delete(peer);
  }

  private lost(link: Link, error: PeerweaveError): void {
    const { peer } = link;
    // A link that lost to a better one takes nobody down.
    if (this.link(peer) !== undefined || this.stopped.signal.aborted) return;
    this.options.log.info(`Link to ${peer} closed: ${error.message}`);
    if (error.reason === 'link-duplicate') this.schedule(peer, DISPLACED_RETRY_MS, MAX_RETRY_MS);
    if (this.told.delete(peer)) this.downs.fire({ link, error });
    else this.connect();
  }
}

const silence = (): PeerweaveError => new PeerweaveError('timeout', 'The peer connected but did not ask to join.');
