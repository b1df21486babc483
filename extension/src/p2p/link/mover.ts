import { PeerweaveError } from '../../shared/errors.ts';
import type { Pipe, TransportAddress } from '../transport/transport.ts';
import { withDeadline } from './deadline.ts';
import type { LinkTimings } from './link-timings.ts';
import { Turnstile } from './turnstile.ts';
import type { ResumableStream } from './resumable-stream.ts';
import type { ResumeOffer } from './resume-handshake.ts';

export interface MoverOptions {
  readonly stream: ResumableStream;
  readonly dial: (address: TransportAddress, signal: AbortSignal) => Promise<Pipe>;
  /** Asks the other end of the link to come to a transport; destroying the pipe makes it fail. */
  readonly offer: (pipe: Pipe) => Promise<ResumeOffer>;
  readonly timings: Pick<LinkTimings, 'handshake' | 'move'>;
}

/** An address that is being tried: resolves when the other end of the link stands there. */
export interface Opening {
  readonly address: TransportAddress;
  readonly offer: Promise<ResumeOffer>;
  /** Gives it up, also what it has come to. */
  stop(): void;
}

/** Puts a link on other transports, one at a time, without a gap: the old one carries it until both ends are on the new one. */
export class Mover {
  private readonly options: MoverOptions;
  private readonly turnstile = new Turnstile();
  private turns = 0;
  private moving: Promise<void> | undefined;

  constructor(options: MoverOptions) {
    this.options = options;
  }

  /** Resolves when the move that is under way is decided; undefined when there is none. */
  get underWay(): Promise<void> | undefined {
    return this.moving;
  }

  /** Tries an address. */
  open(address: TransportAddress): Opening {
    const abort = new AbortController();
    return this.openOn(address, this.options.dial(address, abort.signal), abort);
  }

  /** Goes on with an address whose transport is being dialed already. */
  openOn(address: TransportAddress, dialing: Promise<Pipe>, abort: AbortController): Opening {
    const offer = dialing.then((pipe) => this.ask(pipe, abort.signal));
    let stands: ResumeOffer | undefined;
    offer.then(
      (offered) => (stands = offered),
      () => undefined,
    );
    return {
      address,
      offer,
      stop: () => {
        if (!stands) abort.abort();
        // The pipe that carries the link by now is nobody's to destroy any more.
        else if (this.options.stream.current !== stands.pipe) stands.pipe.stream.destroy();
      },
    };
  }

  /** Asks the other end to come to `pipe`, which it takes over: destroyed when that fails. */
  async ask(pipe: Pipe, signal?: AbortSignal): Promise<ResumeOffer> {
    const { offer, timings } = this.options;
    try {
      return await withDeadline(() => offer(pipe), {
        signal,
        timeoutMs: timings.handshake,
        what: 'Reconnecting',
        abandon: () => pipe.stream.destroy(),
      });
    } catch (error) {
      pipe.stream.destroy();
      throw error;
    }
  }

  /**
   * Moves the link to the offered transport when its turn comes, unless `isWanted` says no then, which throws `cancelled`. The peer must
   * see one move at a time, or it would leave the first for the second. When it fails the link is where it was, and the pipe destroyed.
   */
  async take(offer: ResumeOffer, isWanted: () => boolean): Promise<void> {
    const leave = await this.turnstile.enter();
    try {
      if (!isWanted()) throw new PeerweaveError('cancelled', 'It is not needed any more.');
      const moving = this.move(offer);
      this.moving = moving.catch(() => undefined);
      await moving;
    } finally {
      this.moving = undefined;
      leave();
    }
  }

  private async move(offer: ResumeOffer): Promise<void> {
    const { stream, timings } = this.options;
    const abandon = (): void => void offer.pipe.stream.destroy();
    try {
      if (stream.isDisposed) throw new PeerweaveError('cancelled', 'The link is closed.');
      await withDeadline(() => offer.take(++this.turns), {
        timeoutMs: timings.move,
        what: 'Moving the link',
        abandon,
      });
    } catch (error) {
      abandon();
      throw error;
    }
  }
}
