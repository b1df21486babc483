import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Pipe, TransportAddress } from '../transport/transport.ts';
import { withDeadline } from './deadline.ts';
import type { LinkTimings } from './link-timings.ts';
import { raceAttempts, Turnstile } from './race.ts';
import { offerResume, UnknownLinkError } from './resume-handshake.ts';
import type { ResumableStream } from './resumable-stream.ts';
import type { ResumeSecret } from './resume-wire.ts';

export interface ReconnectorOptions {
  readonly stream: ResumableStream;
  readonly secret: ResumeSecret;
  readonly dial: (address: TransportAddress, signal: AbortSignal) => Promise<Pipe>;
  readonly timings: LinkTimings;
  readonly log: Logger;
  /** From 0 to 1: spreads the attempts of peers that lost the same network at the same time. */
  readonly random: () => number;
}

/** The dialer's half of picking a dropped link up again (LI4): all known addresses at once, again and again. */
export class Reconnector {
  private readonly options: ReconnectorOptions;
  addresses: readonly TransportAddress[];

  constructor(addresses: readonly TransportAddress[], options: ReconnectorOptions) {
    this.addresses = addresses;
    this.options = options;
  }

  /**
   * Resolves when the link is on a transport again. Rejects with `UnknownLinkError` when the peer does not know it any more, with
   * anything else when `signal` fires.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { timings, log, random } = this.options;
    for (let pause = timings.firstRetry; ; pause = Math.min(2 * pause, timings.lastRetry)) {
      try {
        return await this.attempt(signal);
      } catch (error) {
        const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
        const unknown = errors.find((each) => each instanceof UnknownLinkError);
        if (unknown) throw unknown;
        log.debug(`not reconnected yet: ${errors.map(messageOf).join('; ')}`);
      }
      await delay(pause * (0.5 + random() / 2), undefined, { signal });
    }
  }

  /** Moves the link to `pipe`, which it takes over. Throws `link-lost` when the peer is not there or does not agree. */
  async moveTo(pipe: Pipe): Promise<void> {
    try {
      (await this.offer(pipe)).take();
    } catch (error) {
      pipe.stream.destroy();
      throw new PeerweaveError('link-lost', `The link stays where it is: ${messageOf(error)}`, { cause: error });
    }
  }

  private async attempt(signal: AbortSignal): Promise<void> {
    // Two transports may come up together. The peer must see one of them taken, or it would cut the first for the second.
    const turnstile = new Turnstile();
    let taken = false;
    const attempts = this.addresses.map((address) => async (abort: AbortSignal) => {
      const pipe = await this.options.dial(address, abort);
      try {
        const offer = await this.offer(pipe, abort);
        const leave = await turnstile.enter();
        try {
          if (taken || abort.aborted) throw new PeerweaveError('cancelled', 'Another address was faster.');
          offer.take();
          taken = true;
        } finally {
          leave();
        }
      } catch (error) {
        pipe.stream.destroy();
        throw error;
      }
    });
    await raceAttempts(attempts, signal, () => undefined);
  }

  private offer(pipe: Pipe, signal?: AbortSignal): ReturnType<typeof offerResume> {
    const { stream, secret, timings } = this.options;
    return withDeadline(() => offerResume(pipe, secret, stream), {
      signal,
      timeoutMs: timings.handshake,
      what: 'Reconnecting',
      abandon: () => pipe.stream.destroy(),
    });
  }
}
