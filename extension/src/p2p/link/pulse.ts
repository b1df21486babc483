import type { Disposable } from '../../shared/disposable.ts';
import { KeepAlive } from './keep-alive.ts';
import type { LinkTimings } from './link-timings.ts';
import type { ResumableStream } from './resumable-stream.ts';

export interface PulseOptions {
  readonly stream: ResumableStream;
  readonly timings: LinkTimings;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The peer is not heard on the present transport. */
  readonly onSilent: () => void;
}

/** Feels for the peer at the other end of a link: regularly, and at once when there is reason to doubt it (LI9). */
export class Pulse implements Disposable {
  private readonly options: PulseOptions;
  private readonly keepAlive: KeepAlive;
  private readonly timer: NodeJS.Timeout;
  private probing: NodeJS.Timeout | undefined;

  constructor(options: PulseOptions) {
    const { timings, now } = options;
    this.options = options;
    this.keepAlive = new KeepAlive(timings.keepAlive, timings.silence, now());
    this.timer = setInterval(() => this.beat(), timings.keepAlive);
    this.timer.unref();
  }

  /** The link is on another transport. */
  restart(): void {
    clearTimeout(this.probing);
    this.probing = undefined;
    this.keepAlive.restart(this.options.now());
    this.options.stream.sendPing();
  }

  /**
   * Doubts the transport: it has a short while to bring an answer. Under a transfer the answer may come late; then it has to bring bytes
   * still in the second half of that while, when what the system had received before is used up.
   */
  probe(): void {
    const { stream, timings, onSilent } = this.options;
    if (!stream.current || this.probing !== undefined) return;
    const { answers } = stream;
    let heard = 0;
    const halfway = (): void => {
      heard = stream.traffic.received;
      this.probing = setTimeout(verdict, timings.probe / 2);
      this.probing.unref();
    };
    const verdict = (): void => {
      this.probing = undefined;
      const silent = stream.answers === answers && stream.traffic.received === heard;
      if (stream.current && silent && !stream.isHeld) onSilent();
    };
    this.probing = setTimeout(halfway, timings.probe / 2);
    this.probing.unref();
    stream.sendPing();
  }

  dispose(): void {
    clearInterval(this.timer);
    clearTimeout(this.probing);
  }

  private beat(): void {
    const { stream, now, onSilent } = this.options;
    if (!stream.current) return;
    const { answers, unacknowledged: unconfirmed } = stream;
    // Who is not listened to cannot be heard.
    if (stream.isHeld) this.keepAlive.restart(now());
    if (this.keepAlive.tick(now(), { heard: stream.traffic.received, answers, unconfirmed })) onSilent();
    else stream.sendPing();
  }
}
