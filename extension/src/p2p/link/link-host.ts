import { randomBytes } from 'node:crypto';
import type { KeyPair } from '@microsoft/dev-tunnels-ssh';
import { DisposableStore, type Disposable } from '../../shared/disposable.ts';
import { Emitter } from '../../shared/events.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Listener, Pipe, Tier, Transport, TransportAddress } from '../transport/transport.ts';
import { PROTOCOL_VERSION } from './control-protocol.ts';
import { withDeadline } from './deadline.ts';
import { dialError } from './dial-error.ts';
import { greet } from './greet.ts';
import type { Identity } from './identity.ts';
import type { Link, LinkHello } from './link.ts';
import { DEFAULT_TIMINGS, type LinkTimings } from './link-timings.ts';
import { raceAttempts, Turnstile } from './race.ts';
import { readExactly } from './read-exactly.ts';
import { Reconnector } from './reconnector.ts';
import { acceptResume, readResumeRequest, refuseResume } from './resume-handshake.ts';
import { KIND_NEW, KIND_RESUME, MAGIC, preface, PREFACE_BYTES, resumeSecret } from './resume-wire.ts';
import { ResumableStream } from './resumable-stream.ts';
import { SshLink } from './ssh-link.ts';
import { connectAsAcceptor, connectAsDialer, sshKeyPair, type AuthenticatedSession } from './ssh-session.ts';

/** Transports that have not proven a key yet. Past it the oldest goes, so that idle ones cannot keep honest ones out. */
const MAX_UNAUTHENTICATED = 64;

export interface LinkHostOptions {
  readonly identity: Identity;
  readonly transports: readonly Transport[];
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
  private readonly hello: LinkHello;
  private readonly key: Promise<KeyPair>;
  private readonly log: Logger;
  private readonly now: () => number;
  private readonly linkEmitter = new Emitter<Link>();
  private readonly disposables = new DisposableStore();
  private readonly unauthenticated = new Set<Pipe>();
  private readonly links = new Map<string, SshLink>();
  private dials = 0;

  constructor(options: LinkHostOptions) {
    this.options = options;
    this.timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.log = options.log.scope('link');
    this.now = options.now ?? (() => performance.now());
    this.key = sshKeyPair(options.identity);
    this.hello = {
      protocol: options.protocol ?? PROTOCOL_VERSION,
      capabilities: options.capabilities ?? [],
      software: options.software,
      instance: randomBytes(8).toString('hex'),
      dial: 0,
    };
  }

  /** Fires for each link that a peer dialed. Handlers are to be set in the same turn; messages are delivered from the next on. */
  readonly onLink = this.linkEmitter.event;

  /** Accepts links on one tier, the first of the host's if none is named. Throws `unreachable` when host or port cannot be had. */
  async listen({ tier, ...options }: ListenRequest = {}): Promise<Listener> {
    const listener = await this.transport(tier ?? this.options.transports[0]?.tier ?? 'tcp').listen({
      ...options,
      onPipe: (pipe) => void this.accept(pipe),
      onError: (error) => this.log.warn(`listening failed: ${error.message}`),
    });
    return this.disposables.add(listener);
  }

  /**
   * Tries all addresses at once; the first that authenticates makes the link (LI2), and the peer sees no other. Throws the most telling
   * of the failures: `host-key-mismatch`, `protocol-incompatible`, `authentication-failed`, `unreachable`, `cancelled`.
   */
  async dial({ peer, addresses, signal }: DialRequest): Promise<Link> {
    const turnstile = new Turnstile();
    const attempts = addresses.map(
      (address) => (abort: AbortSignal) => this.dialAddress(address, { peer, addresses, signal: abort }, turnstile),
    );
    try {
      const link = await raceAttempts(
        attempts,
        signal,
        (late) => void late.close(new PeerweaveError('link-duplicate', 'Another address was faster.')),
      );
      link.start();
      return link;
    } catch (error) {
      throw dialError(error, addresses, signal);
    }
  }

  /** Stops listening and closes every link with `peer-left`, without waiting for that to arrive. */
  dispose(): void {
    this.disposables.dispose();
    for (const pipe of this.unauthenticated) pipe.stream.destroy();
    for (const link of [...this.links.values()]) void link.close(new PeerweaveError('peer-left', 'The peer has left.'));
  }

  private transport(tier: Tier): Transport {
    const transport = this.options.transports.find((candidate) => candidate.tier === tier);
    if (!transport) throw new PeerweaveError('unreachable', `This build has no way to connect by ${tier}.`);
    return transport;
  }

  private async dialPipe(address: TransportAddress, signal: AbortSignal): Promise<Pipe> {
    return this.transport(address.tier).dial(address, { signal, timeoutMs: this.timings.dial });
  }

  private async dialAddress(
    address: TransportAddress,
    { peer, addresses, signal }: DialRequest & { signal: AbortSignal },
    turnstile: Turnstile,
  ): Promise<SshLink> {
    const pipe = await this.dialPipe(address, signal);
    pipe.stream.write(preface(KIND_NEW));
    let leave: (() => void) | undefined;
    const turn = async (): Promise<void> => {
      leave = await turnstile.enter();
      if (signal.aborted) throw new PeerweaveError('cancelled', 'Another address was faster.');
    };
    try {
      return await this.handshake(pipe, signal, async (stream) => {
        const authenticated = await connectAsDialer(stream, await this.key, peer, turn);
        return this.greet(authenticated, pipe, addresses);
      });
    } finally {
      // In a later turn: the winner's other attempts are cancelled by then.
      setImmediate(() => leave?.());
    }
  }

  /** Any pipe that a listener hands over: a new link, or the peer of one coming back. */
  private async accept(pipe: Pipe): Promise<void> {
    this.unauthenticated.add(pipe);
    const [oldest] = this.unauthenticated;
    if (this.unauthenticated.size > (this.options.maxUnauthenticated ?? MAX_UNAUTHENTICATED)) oldest?.stream.destroy();
    try {
      const start = await withDeadline(() => readExactly(pipe.stream, PREFACE_BYTES), this.deadline(pipe));
      if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('it does not speak Peerweave');
      if (start[MAGIC.length] === KIND_RESUME) await this.resume(pipe);
      else if (start[MAGIC.length] === KIND_NEW) await this.acceptNew(pipe);
      else throw new Error('it wants something unknown');
    } catch (error) {
      this.log.debug(`connection from ${pipe.remote} failed: ${messageOf(error)}`);
      pipe.stream.destroy();
    } finally {
      this.unauthenticated.delete(pipe);
    }
  }

  private async acceptNew(pipe: Pipe): Promise<void> {
    const link = await this.handshake(pipe, undefined, async (stream) =>
      this.greet(await connectAsAcceptor(stream, await this.key), pipe),
    );
    this.linkEmitter.fire(link);
    link.start();
  }

  private async resume(pipe: Pipe): Promise<void> {
    const request = await withDeadline(() => readResumeRequest(pipe), this.deadline(pipe));
    const link = this.links.get(request.linkId.toString('hex'));
    if (!link || link.dialer) return refuseResume(pipe);
    await withDeadline(() => acceptResume(pipe, request, link.secret, link.stream), this.deadline(pipe));
    link.onAttached();
  }

  private async handshake(
    pipe: Pipe,
    signal: AbortSignal | undefined,
    run: (stream: ResumableStream) => Promise<SshLink>,
  ): Promise<SshLink> {
    const stream = new ResumableStream(this.now);
    // Before there is a link, a transport that drops takes the whole attempt with it.
    const early = stream.onLost((error) => void stream.close(error));
    stream.attach(pipe);
    try {
      return await withDeadline(() => run(stream), {
        ...this.deadline(pipe, signal),
        abandon: () => void stream.close(),
      });
    } catch (error) {
      void stream.close();
      throw error;
    } finally {
      early.dispose();
    }
  }

  /** Control channel and hello on an authenticated session. `addresses` are known on the dialer's side. */
  private async greet(
    authenticated: AuthenticatedSession,
    pipe: Pipe,
    addresses?: readonly TransportAddress[],
  ): Promise<SshLink> {
    const { log, now, timings } = this;
    const hello = { ...this.hello, dial: addresses ? ++this.dials : 0 };
    // Filled in below: a control channel that fails while greeting fails the greeting.
    const made: { link?: SshLink } = {};
    const { control, remote } = await greet(authenticated, hello, (stream) => ({
      stream,
      log,
      now,
      requestTimeoutMs: timings.request,
      onFailure: (error) => void made.link?.close(error),
    }));
    const { identity } = this.options;
    const link = new SshLink({
      self: identity.peer,
      authenticated,
      pipe,
      control,
      remote,
      dial: addresses ? hello.dial : remote.dial,
      reconnector: addresses && this.reconnector(authenticated, addresses),
      timings,
      now,
      log,
    });
    made.link = link;
    const id = link.secret.linkId.toString('hex');
    this.links.set(id, link);
    link.onClosed(() => this.links.delete(id));
    return link;
  }

  private reconnector(
    { stream, sessionId }: AuthenticatedSession,
    addresses: readonly TransportAddress[],
  ): Reconnector {
    return new Reconnector(addresses, {
      stream,
      secret: resumeSecret(sessionId),
      dial: (address, signal) => this.dialPipe(address, signal),
      timings: this.timings,
      log: this.log,
      random: this.options.random ?? Math.random,
    });
  }

  private deadline(pipe: Pipe, signal?: AbortSignal): Parameters<typeof withDeadline>[1] {
    return {
      signal,
      timeoutMs: this.timings.handshake,
      what: `Connecting with ${pipe.remote}`,
      abandon: () => pipe.stream.destroy(),
    };
  }
}
