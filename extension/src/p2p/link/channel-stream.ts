import { Duplex } from 'node:stream';
import type { SshChannel } from '@microsoft/dev-tunnels-ssh';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { CHANNEL_WINDOW_BYTES, ReceiveWindow } from './receive-window.ts';
import type { ResumableStream } from './resumable-stream.ts';

/** A packet of the SSH library (RFC 4254 §5.2); larger pieces give other channels fewer turns. */
const PIECE_BYTES = 64 * 1024;
/** How long the side that opened a channel waits for the other's exit status after both said all. */
const EXIT_STATUS_MS = 5_000;

export interface ChannelStreamOptions {
  /** True on the side that asked for the channel. */
  readonly opener: boolean;
  /** What is said on it waits for no bandwidth limit. */
  readonly urgent: boolean;
}

/**
 * One SSH channel as a Node stream. Half-close works both ways (`end` is EOF), a slow reader stops the sender (the window moves only as
 * the reader consumes), `destroy` closes the channel at once.
 */
export class ChannelStream extends Duplex {
  private readonly channel: SshChannel;
  private readonly room: (wanted: number) => Promise<number>;
  private readonly opener: boolean;
  private readonly window: ReceiveWindow;
  private inbox: Buffer[] = [];
  private unread = 0;
  private wanted = false;
  private eof = false;
  private closedByPeer = false;
  private status: number | undefined;
  private afterClose: (() => void) | undefined;

  constructor(channel: SshChannel, under: ResumableStream, { opener, urgent }: ChannelStreamOptions) {
    super({ allowHalfOpen: true, readableHighWaterMark: PIECE_BYTES, writableHighWaterMark: PIECE_BYTES });
    this.channel = channel;
    this.room = (wanted) => under.room(wanted, urgent);
    this.window = new ReceiveWindow(channel, urgent ? undefined : under.share);
    this.opener = opener;
    // An error always also closes the stream; one that nobody watches yet must not end the process.
    this.on('error', () => undefined);
    channel.onDataReceived((data) => this.arrive(data));
    channel.onEof(() => {
      this.eof = true;
      this.deliver();
    });
    channel.onClosed(({ exitStatus, error }) => this.onChannelClosed(exitStatus, error));
  }

  /** The other side's exit status, known once the stream is closed; undefined when it gave none. */
  get exitStatus(): number | undefined {
    return this.status;
  }

  /** Ends the stream with `status` for the side that requested `exec`; it need not have said all it had to say. */
  exit(status: number): void {
    this.status = status;
    this.end(() => {
      void this.channel.close(status).catch(() => undefined);
    });
  }

  override _read(): void {
    this.wanted = true;
    // Not at once: within `read`, Node joins what is pushed to what it was about to return, and copies both.
    if (this.inbox.length > 0 || this.eof) queueMicrotask(() => this.deliver());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.sendPieces(chunk).then(
      () => done(),
      (error: unknown) => done(this.lost(error)),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    // An empty send is EOF in this library.
    this.channel.send(Buffer.alloc(0)).then(
      () => done(),
      (error: unknown) => done(this.lost(error)),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.inbox = [];
    const orderly = !error && this.eof && this.writableFinished;
    if (this.closedByPeer) return done(error);
    if (!orderly) {
      // `close` would wait behind a send that waits for window; `dispose` does not.
      this.channel.dispose();
      return done(error);
    }
    if (this.opener) return this.awaitExitStatus(done);
    this.channel.close(this.status ?? 0).then(
      () => done(),
      () => done(),
    );
  }

  private awaitExitStatus(done: () => void): void {
    const timer = setTimeout(() => {
      this.channel.dispose();
    }, EXIT_STATUS_MS);
    timer.unref();
    this.afterClose = () => {
      clearTimeout(timer);
      done();
    };
  }

  private async sendPieces(chunk: Buffer): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      const bytes = await this.room(Math.min(PIECE_BYTES, chunk.length - offset));
      await this.channel.send(chunk.subarray(offset, offset + bytes));
      offset += bytes;
    }
  }

  private arrive(data: Buffer): void {
    this.unread += data.length;
    if (this.unread > CHANNEL_WINDOW_BYTES) {
      // The library does not hold the other side to the window; memory would be its to fill (LI7).
      this.destroy(new PeerweaveError('protocol-violation', 'The peer sent more than the channel has room for.'));
      return;
    }
    // The library reuses its receive buffer for the next packet.
    this.inbox.push(Buffer.from(data));
    this.deliver();
  }

  private deliver(): void {
    while (this.wanted) {
      const chunk = this.inbox.shift();
      if (!chunk) break;
      this.wanted = this.push(chunk);
      this.unread -= chunk.length;
      this.window.consumed(chunk.length);
    }
    if (this.eof && this.inbox.length === 0 && !this.readableEnded) this.push(null);
  }

  private onChannelClosed(exitStatus: number | undefined, error: Error | undefined): void {
    this.closedByPeer = true;
    this.status ??= exitStatus;
    this.afterClose?.();
    if (!this.eof) {
      this.destroy(
        error ? this.lost(error) : new PeerweaveError('link-lost', 'The peer closed the stream before its end.'),
      );
    } else if (this.readableEnded) {
      this.destroy();
    } else {
      this.once('end', () => this.destroy());
    }
  }

  private lost(error: unknown): PeerweaveError {
    return new PeerweaveError('link-lost', `The stream to the peer broke: ${messageOf(error)}`, { cause: error });
  }
}
