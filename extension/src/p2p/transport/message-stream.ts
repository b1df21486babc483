import { Duplex } from 'node:stream';
import { DisposableStore } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { MessagePort } from './message-port.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';
import {
  creditMessage,
  FIRST_WINDOW_BYTES,
  MESSAGE_CREDIT,
  MESSAGE_DATA,
  MESSAGE_END,
  MESSAGE_ENDED,
  MESSAGE_RESET,
  parseStreamMessage,
  plainMessage,
  resetMessage,
  STREAM_WINDOW_BYTES,
  type WindowSizes,
} from './stream-message.ts';

/** How long a port whose stream has ended both ways waits to hear that its own end has arrived. */
const LINGER_MS = 5_000;
/** Handed to the stream's reader ahead of its reading; counts as not yet read. */
const READ_AHEAD_BYTES = 16 * 1024;
/** What the port may hold before we stop. It is far below the window, so that the rest stays here, where a reset can drop it. */
const PORT_HIGH_BYTES = 256 * 1024;

/**
 * A byte stream over a message port, as `Pipe.stream` promises it: ordered, with half-close and with backpressure from reader to writer.
 * Made in the turn in which the port is handed over, or messages would be missed; it owns the port and closes it.
 *
 * The stream is destroyed with `protocol-violation` when the other side breaks the rules of `stream-message.ts`, with the other side's reason
 * when that resets it, and with the port's error when the port closes early.
 * Both sides have the same `sizes`; only tests have others.
 */
export function messageStream(
  port: MessagePort,
  sizes: WindowSizes = { firstBytes: FIRST_WINDOW_BYTES, windowBytes: STREAM_WINDOW_BYTES },
): Duplex {
  const stream = new MessageStream(port, sizes);
  // As every pipe: a break closes the stream, and ends no process for want of a listener.
  stream.on('error', () => undefined);
  return stream;
}

class MessageStream extends Duplex {
  private readonly port: MessagePort;
  private readonly subscriptions = new DisposableStore();
  private readonly outgoing: SendQueue;
  private readonly incoming: ReceiveWindow;
  private flushing: NodeJS.Immediate | undefined;
  /** Acknowledges the last write, held back while enough waits to be sent. */
  private release: (() => void) | undefined;
  /** Set once no more will be written; called when all is sent. */
  private finish: (() => void) | undefined;
  /** Set while only the answer to our end is waited for. */
  private lingering: (() => void) | undefined;
  private wanted = false;
  private endSent = false;
  private endConfirmed = false;
  private endReceived = false;
  private endDelivered = false;
  private portClosed = false;

  constructor(port: MessagePort, sizes: WindowSizes) {
    super({
      readableHighWaterMark: Math.min(READ_AHEAD_BYTES, sizes.firstBytes >> 2),
      writableHighWaterMark: port.maxMessageBytes,
    });
    this.port = port;
    this.outgoing = new SendQueue(port.maxMessageBytes, sizes);
    this.incoming = new ReceiveWindow(sizes);
    this.subscriptions.add(port.onMessage((message) => this.receive(message)));
    this.subscriptions.add(port.onLow(() => this.flush()));
    this.subscriptions.add(port.onClosed((error) => this.onPortClosed(error)));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.enqueue([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.enqueue(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.finish = done;
    clearImmediate(this.flushing);
    this.flushing = undefined;
    this.flush();
  }

  override _read(): void {
    this.wanted = true;
    this.deliver();
    // A stream asks for more before it has taken what it is about to hand out, and asks only once until it gets some.
    if (this.incoming.waiting === 0) process.nextTick(() => this.grant());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearImmediate(this.flushing);
    const orderly = this.endReceived && this.endSent && !error;
    this.outgoing.clear();
    this.incoming.clear();
    if (this.portClosed) this.subscriptions.dispose();
    else if (orderly) this.linger();
    else {
      this.subscriptions.dispose();
      this.port.send(resetMessage(error instanceof PeerweaveError ? error.reason : 'link-lost'));
      this.port.close();
    }
    done(error);
  }

  private enqueue(chunks: readonly Buffer[], done: () => void): void {
    for (const chunk of chunks) this.outgoing.push(chunk);
    this.release = done;
    // Less than a whole message waits for what else this turn brings, so that many small writes make one message.
    this.flushing ??= setImmediate(() => {
      this.flushing = undefined;
      this.flush();
    });
    this.flush();
  }

  private flush(): void {
    const wholeOnly = this.flushing !== undefined;
    while (!this.destroyed && this.port.queuedBytes < PORT_HIGH_BYTES) {
      const message = this.outgoing.next(wholeOnly);
      if (!message) break;
      this.port.send(message);
    }
    if (this.destroyed) return;
    this.acknowledgeWrite();
    this.sendEnd();
  }

  private acknowledgeWrite(): void {
    if (this.outgoing.hasWholeMessage) return;
    const release = this.release;
    this.release = undefined;
    release?.();
  }

  private sendEnd(): void {
    if (!this.finish || this.endSent || this.outgoing.length > 0) return;
    this.endSent = true;
    this.port.send(plainMessage(MESSAGE_END));
    this.finish();
  }

  private receive(message: Uint8Array): void {
    try {
      this.handle(message);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** Throws `protocol-violation`. */
  private handle(message: Uint8Array): void {
    const parsed = parseStreamMessage(message);
    switch (parsed.type) {
      case MESSAGE_DATA:
        if (this.endReceived) throw violation('data after the end');
        this.incoming.push(parsed.bytes);
        return this.deliver();
      case MESSAGE_CREDIT:
        this.outgoing.grant(parsed.bytes);
        return this.flush();
      case MESSAGE_END:
        if (this.endReceived) throw violation('a second end');
        this.endReceived = true;
        this.port.send(plainMessage(MESSAGE_ENDED));
        return this.deliver();
      case MESSAGE_ENDED:
        if (!this.endSent || this.endConfirmed) throw violation('an answer to an end that was not sent');
        this.endConfirmed = true;
        return this.lingering?.();
      case MESSAGE_RESET:
        this.breakOff(new PeerweaveError(parsed.reason, `The other end of the pipe closed it (${parsed.reason}).`));
        this.port.close();
    }
  }

  private deliver(): void {
    while (this.wanted) {
      const chunk = this.incoming.shift();
      if (!chunk) break;
      this.wanted = this.push(chunk);
    }
    if (this.endReceived && !this.endDelivered && this.incoming.waiting === 0 && !this.destroyed) {
      this.endDelivered = true;
      this.push(null);
    }
    this.grant();
  }

  private grant(): void {
    if (this.destroyed || this.endReceived) return;
    const credit = this.incoming.credit(this.readableLength, this.port.windowBytes);
    if (credit > 0) this.port.send(creditMessage(credit));
  }

  private onPortClosed(error: Error | undefined): void {
    this.lingering?.();
    this.breakOff(error ?? new PeerweaveError('link-lost', 'The pipe was closed.'));
  }

  private breakOff(error: Error): void {
    if (this.portClosed) return;
    this.portClosed = true;
    if (!this.endReceived || this.readableEnded) this.destroy(error);
    // All that was sent has arrived and is still to be read, as after the last words of a TCP connection. The other side was only quicker to
    // close, and if we had sent all as well, nothing is amiss.
    else if (!this.endSent) this.once('end', () => this.destroy(error));
  }

  /** Keeps the port until the other side has our end, or has closed it, or time is up. */
  private linger(): void {
    const timer = setTimeout(() => this.lingering?.(), LINGER_MS);
    timer.unref();
    this.lingering = () => {
      clearTimeout(timer);
      this.subscriptions.dispose();
      this.port.close();
    };
    if (this.endConfirmed) this.lingering();
  }
}

const violation = (what: string): PeerweaveError => new PeerweaveError('protocol-violation', `The peer sent ${what}.`);
