import { randomBytes } from 'node:crypto';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { Emitter } from '../../shared/events.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Listener, Pipe, Tier, Transport, TransportAddress } from '../transport/transport.ts';
import type { Bandwidth } from './bandwidth.ts';
import { PROTOCOL_VERSION } from './control-protocol.ts';
import { withDeadline } from './deadline.ts';
import { dialError } from './dial-error.ts';
import { dialRace } from './dial-race.ts';
import type { Identity } from './identity.ts';
import { LinkMaker } from './link-maker.ts';
import type { Link } from './link.ts';
import { DEFAULT_TIMINGS, type LinkTimings } from './link-timings.ts';
import { readExactly } from './read-exactly.ts';
import { acceptResume, readLinkId, readResumeRequest, refuseResume } from './resume-handshake.ts';
import { KIND_BECKON, KIND_NEW, KIND_RESUME, MAGIC, PREFACE_BYTES } from './resume-wire.ts';
import { DEFAULT_TIERS } from './route-worth.ts';
import { Turnstile } from './turnstile.ts';

/** Transports that have not proven a key yet. Past it the oldest goes, so that idle ones cannot keep honest ones out. */
const MAX_UNAUTHENTICATED = 64;

export interface LinkHostOptions {
  readonly identity: Identity;
  readonly transports: readonly Transport[];
  /** Tiers that may be used, best first. All that there is a transport for, in the usual order, when absent. */
  readonly tiers?: readonly Tier[];
  /** Shared with other hosts of an engine. No limit when absent. */
  readonly bandwidth?: Bandwidth;
  readonly log: Logger;
  /** `peerweave/0.1.0`: for people, never for decisions. */
  readonly software: string;
  readonly capabilities?: readonly string[];
  readonly timings?: Partial<LinkTimings>;
  readonly protocol?: number;
  readonly maxUnauthenticated?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface ListenRequest {
  readonly tier?: Tier;
  /** Interface to bind; all when absent. */
  readonly host?: string;
  /** A free one when absent or 0. */
  readonly port?: number;
}

export interface DialRequest {
  /** The key that must answer (SE3). */
  readonly peer: PeerId;
  readonly addresses: readonly TransportAddress[];
  readonly signal?: AbortSignal;
}

/** Makes links, by dialing and by listening, and keeps those alive that it made. */
export class LinkHost implements Disposable {
  private readonly options: LinkHostOptions;
  private readonly timings: LinkTimings;
  private readonly tiers: readonly Tier[];
  private readonly maker: LinkMaker;
  private readonly log: Logger;
  private readonly linkEmitter = new Emitter<Link>();
  private readonly disposables = new DisposableStore();
  private readonly unauthenticated = new Set<Pipe>();

  constructor(options: LinkHostOptions) {
    const { identity, transports, tiers = DEFAULT_TIERS, bandwidth, software } = options;
    this.options = options;
    this.timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.tiers = tiers.filter((tier) => transports.some((transport) => transport.tier === tier));
    this.log = options.log.scope('link');
    this.maker = new LinkMaker({
      identity,
      hello: {
        protocol: options.protocol ?? PROTOCOL_VERSION,
        capabilities: options.capabilities ?? [],
        software,
        instance: randomBytes(8).toString('hex'),
        dial: 0,
      },
      tiers: this.tiers,
      bandwidth,
      dial: (address, signal) => this.dialPipe(address, signal),
      accept: (pipe) => void this.accept(pipe),
      timings: this.timings,
      log: this.log,
      now: options.now ?? (() => performance.now()),
      random: options.random ?? Math.random,
    });
  }

  /** Fires for each link that a peer dialed. Handlers are to be set in the same turn; messages are delivered from the next on. */
  readonly onLink = this.linkEmitter.event;

  /** Accepts links on one tier, the best of the host's if none is named. Throws `unreachable` when host or port cannot be had. */
  async listen({ tier, ...options }: ListenRequest = {}): Promise<Listener> {
    const listener = await this.transport(tier ?? this.tiers[0] ?? 'tcp').listen({
      ...options,
      onPipe: (pipe) => void this.accept(pipe),
      onError: (error) => this.log.warn(`listening failed: ${error.message}`),
    });
    return this.disposables.add(listener);
  }

  /**
   * Tries all addresses at once; the first that authenticates makes the link (LI2), and the peer sees no other. Better tiers that are
   * still being dialed then go on, and the link moves there when they stand. Throws the most telling of the failures:
   * `host-key-mismatch`, `protocol-incompatible`, `authentication-failed`, `unreachable`, `cancelled`.
   */
  async dial({ peer, addresses, signal }: DialRequest): Promise<Link> {
    const turnstile = new Turnstile();
    const allowed = addresses.filter(({ tier }) => this.tiers.includes(tier));
    if (allowed.length === 0 && addresses.length > 0) {
      const ways = this.tiers.join(', ') || 'none';
      throw new PeerweaveError('unreachable', `No address of the peer is of a kind that may be used here (${ways}).`);
    }
    try {
      const { winner, begun } = await dialRace({
        addresses: allowed,
        signal,
        dial: (address, abort) => this.dialPipe(address, abort),
        use: (pipe, abort) => this.maker.dialed(pipe, { peer, addresses }, turnstile, abort),
        discard: (late) => void late.close(new PeerweaveError('link-duplicate', 'Another address was faster.')),
        redialMs: this.timings.redial,
      });
      winner.start(begun);
      return winner;
    } catch (error) {
      throw dialError(error, addresses, signal);
    }
  }

  /** The machine has other addresses than before, or has slept: doubts every transport, and looks for better ones. */
  networkChanged(): void {
    for (const link of this.maker.links) link.networkChanged();
  }

  /** Stops listening and closes every link with `peer-left`, without waiting for that to arrive. */
  dispose(): void {
    this.disposables.dispose();
    for (const pipe of this.unauthenticated) pipe.stream.destroy();
    for (const link of this.maker.links) void link.close(new PeerweaveError('peer-left', 'The peer has left.'));
  }

  private transport(tier: Tier): Transport {
    const transport = this.options.transports.find((candidate) => candidate.tier === tier);
    if (!transport || !this.tiers.includes(tier)) {
      throw new PeerweaveError('unreachable', `There is no way to connect by ${tier} here.`);
    }
    return transport;
  }

  private async dialPipe(address: TransportAddress, signal: AbortSignal): Promise<Pipe> {
    const pipe = await this.transport(address.tier).dial(address, { signal, timeoutMs: this.timings.dial });
    if (!signal.aborted) return pipe;
    // Both happened at once; nobody waits for it any more.
    pipe.stream.destroy();
    throw new PeerweaveError('cancelled', 'The connection attempt was cancelled.');
  }

  /** Any pipe that a listener hands over: a new link, or the peer of one going on here. */
  private async accept(pipe: Pipe): Promise<void> {
    this.unauthenticated.add(pipe);
    const [oldest] = this.unauthenticated;
    if (this.unauthenticated.size > (this.options.maxUnauthenticated ?? MAX_UNAUTHENTICATED)) oldest?.stream.destroy();
    try {
      const start = await this.inTime(pipe, () => readExactly(pipe.stream, PREFACE_BYTES));
      if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('it does not speak Peerweave');
      const kind = start[MAGIC.length];
      if (kind === KIND_NEW) await this.acceptNew(pipe);
      else if (kind === KIND_RESUME) await this.inTime(pipe, () => this.resume(pipe));
      else if (kind === KIND_BECKON) await this.inTime(pipe, () => this.beckoned(pipe));
      else throw new Error('it wants something unknown');
    } catch (error) {
      this.log.debug(`connection from ${pipe.remote} failed: ${messageOf(error)}`);
      pipe.stream.destroy();
    } finally {
      this.unauthenticated.delete(pipe);
    }
  }

  private async acceptNew(pipe: Pipe): Promise<void> {
    const link = await this.maker.accepted(pipe);
    this.linkEmitter.fire(link);
    link.start();
  }

  private async resume(pipe: Pipe): Promise<void> {
    const request = await readResumeRequest(pipe);
    const link = this.maker.byLinkId(request.linkId);
    if (!link || link.dialer) return refuseResume(pipe, request, this.options.identity);
    await acceptResume(pipe, request, link, (turn) => link.claimTurn(turn));
  }

  private async beckoned(pipe: Pipe): Promise<void> {
    const link = this.maker.byLinkId(await readLinkId(pipe));
    if (!link?.dialer) throw new Error('there is no such link');
    await link.beckoned(pipe);
  }

  private inTime<T>(pipe: Pipe, work: () => Promise<T>): Promise<T> {
    return withDeadline(work, {
      timeoutMs: this.timings.handshake,
      what: `Connecting with ${pipe.remote}`,
      abandon: () => pipe.stream.destroy(),
    });
  }
}
