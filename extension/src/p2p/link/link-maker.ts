import type { KeyPair } from '@microsoft/dev-tunnels-ssh';
import { PeerweaveError } from '../../shared/errors.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Pipe, Tier, TransportAddress } from '../transport/transport.ts';
import type { Bandwidth } from './bandwidth.ts';
import { beckon } from './beckon.ts';
import { withDeadline } from './deadline.ts';
import { greet } from './greet.ts';
import type { Identity } from './identity.ts';
import type { LinkHello } from './link.ts';
import type { LinkTimings } from './link-timings.ts';
import { Mover } from './mover.ts';
import { offerResume, type ResumeOffer } from './resume-handshake.ts';
import { preface, KIND_NEW, resumeSecret } from './resume-wire.ts';
import { ResumableStream } from './resumable-stream.ts';
import { RouteKeeper } from './route-keeper.ts';
import { SshLink } from './ssh-link.ts';
import { connectAsAcceptor, connectAsDialer, sshKeyPair, type AuthenticatedSession } from './ssh-session.ts';
import type { Turnstile } from './turnstile.ts';

export interface LinkMakerOptions {
  readonly identity: Identity;
  readonly hello: LinkHello;
  /** Tiers that may be used, best first. */
  readonly tiers: readonly Tier[];
  readonly bandwidth: Bandwidth | undefined;
  readonly dial: (address: TransportAddress, signal: AbortSignal) => Promise<Pipe>;
  /** Takes a pipe as one that somebody dialed to us. */
  readonly accept: (pipe: Pipe) => void;
  readonly timings: LinkTimings;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

/** Tiers on which one end may reach the other and not the other way round; on all others either may begin, and the dialer does. */
const ONE_WAY: ReadonlySet<Tier> = new Set(['tcp']);

/** Who is dialed, and where else it may be found. */
export interface Dialed {
  readonly peer: PeerId;
  readonly addresses: readonly TransportAddress[];
}

/** Makes links of transports: SSH, then control channel and hello. Knows the links that it made and that are not closed. */
export class LinkMaker {
  private readonly options: LinkMakerOptions;
  private readonly key: Promise<KeyPair>;
  private readonly byId = new Map<string, SshLink>();
  private dials = 0;

  constructor(options: LinkMakerOptions) {
    this.options = options;
    this.key = sshKeyPair(options.identity);
  }

  get links(): readonly SshLink[] {
    return [...this.byId.values()];
  }

  /** The link by the name that its ends know it by. */
  byLinkId(linkId: Buffer): SshLink | undefined {
    return this.byId.get(linkId.toString('hex'));
  }

  /** The dialer's side of a link on `pipe`, which it takes over. Says who we are when its turn comes among several of one dial. */
  async dialed(pipe: Pipe, dialed: Dialed, turnstile: Turnstile, signal: AbortSignal): Promise<SshLink> {
    pipe.stream.write(preface(KIND_NEW));
    let leave: (() => void) | undefined;
    const turn = async (): Promise<void> => {
      leave = await turnstile.enter(this.options.timings.turn);
      if (signal.aborted) throw new PeerweaveError('cancelled', 'Another address was faster.');
    };
    try {
      return await this.handshake(pipe, signal, async (stream) =>
        this.greet(await connectAsDialer(stream, await this.key, dialed.peer, turn), pipe, dialed),
      );
    } finally {
      // In a later turn: the winner's other attempts are cancelled by then.
      setImmediate(() => leave?.());
    }
  }

  /** The other side of it. */
  accepted(pipe: Pipe): Promise<SshLink> {
    return this.handshake(pipe, undefined, async (stream) =>
      this.greet(await connectAsAcceptor(stream, await this.key), pipe),
    );
  }

  private async handshake(
    pipe: Pipe,
    signal: AbortSignal | undefined,
    run: (stream: ResumableStream) => Promise<SshLink>,
  ): Promise<SshLink> {
    const { now, bandwidth, timings } = this.options;
    const stream = new ResumableStream({ now, share: bandwidth?.share() });
    // Before there is a link, a transport that drops takes the whole attempt with it.
    const early = stream.onLost((error) => void stream.close(error));
    stream.attach(pipe);
    try {
      return await withDeadline(() => run(stream), {
        signal,
        timeoutMs: timings.handshake,
        what: `Connecting with ${pipe.remote}`,
        abandon: () => {
          pipe.stream.destroy();
          void stream.close();
        },
      });
    } catch (error) {
      void stream.close();
      throw error;
    } finally {
      early.dispose();
    }
  }

  /** Control channel and hello on an authenticated session. */
  private async greet(authenticated: AuthenticatedSession, pipe: Pipe, dialed?: Dialed): Promise<SshLink> {
    const { log, now, timings, identity } = this.options;
    const hello = { ...this.options.hello, dial: dialed ? ++this.dials : 0 };
    // Filled in below: a control channel that fails while greeting fails the greeting.
    const made: { link?: SshLink } = {};
    const { control, remote } = await greet(authenticated, hello, (stream) => ({
      stream,
      log,
      now,
      requestTimeoutMs: timings.request,
      onFailure: (error) => void made.link?.close(error),
    }));
    const link = new SshLink({
      self: identity.peer,
      authenticated,
      pipe,
      control,
      remote,
      dial: dialed ? hello.dial : remote.dial,
      keeper: this.keeper(authenticated, dialed),
      timings,
      now,
      log,
    });
    made.link = link;
    const id = link.secret.linkId.toString('hex');
    this.byId.set(id, link);
    link.onClosed(() => this.byId.delete(id));
    return link;
  }

  private keeper({ stream, sessionId, publicKey }: AuthenticatedSession, dialed: Dialed | undefined): RouteKeeper {
    const { tiers, dial, accept, timings, log, now, random } = this.options;
    const own = { stream, secret: resumeSecret(sessionId) };
    const offer = async (pipe: Pipe): Promise<ResumeOffer> =>
      dialed ? offerResume(pipe, own, publicKey, now) : beckon(pipe, own, accept);
    const mover = new Mover({ stream, dial, offer, timings });
    const addresses = dialed?.addresses ?? [];
    const searched = dialed ? tiers : tiers.filter((tier) => ONE_WAY.has(tier));
    return new RouteKeeper({ stream, mover, addresses, tiers, searched, timings, log, now, random });
  }
}
