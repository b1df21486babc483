import type { Listener, Pipe, Transport } from '../../extension/src/p2p/transport/transport.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';

/** A transport whose pipes a test can cut and silence, and whose dials it can forbid and hold up. */
export class BreakableTransport implements Transport {
  readonly tier: Transport['tier'];
  /** Pipes that this side dialed or accepted and that still live. */
  readonly pipes = new Set<Pipe>();
  dialing = true;
  dials = 0;
  /** A dial waits for it when its transport stands. */
  gate: Promise<void> | undefined;
  private readonly inner: Transport;
  private waiting: (() => void)[] = [];

  constructor(inner: Transport) {
    this.inner = inner;
    this.tier = inner.tier;
  }

  async dial(...args: Parameters<Transport['dial']>): Promise<Pipe> {
    this.dials += 1;
    if (!this.dialing) throw new PeerweaveError('unreachable', 'The test has cut the network.');
    const pipe = this.keep(await this.inner.dial(...args));
    try {
      await Promise.race([this.gate, aborted(args[1]?.signal)]);
    } catch (error) {
      pipe.stream.destroy();
      throw error;
    }
    return pipe;
  }

  listen(options: Parameters<Transport['listen']>[0]): Promise<Listener> {
    return this.inner.listen({ ...options, onPipe: (pipe) => options.onPipe(this.keep(pipe)) });
  }

  /** Breaks every pipe, losing what is in flight. */
  cut(): void {
    for (const { stream } of this.pipes) stream.destroy();
  }

  /** Breaks every pipe, and every dial from now on fails. */
  forbid(): void {
    this.dialing = false;
    this.cut();
  }

  /** Swallows all that this side sends on the pipes it has, as a path does that died without a word. */
  silence(): void {
    for (const { stream } of this.pipes) stream.write = () => true;
  }

  /** The path of every pipe dies in both directions, and nobody is told: neither that it broke nor that an end has left. */
  quarantine(): void {
    this.silence();
    for (const { stream } of this.pipes) {
      stream.removeAllListeners('data');
      stream.removeAllListeners('close');
      stream.removeAllListeners('end');
    }
  }

  /** Swallows what this side sends past so many bytes, on every pipe from now on. */
  swallowAfter: number | undefined;

  /** Resolves when there is a pipe. */
  async connected(): Promise<void> {
    while (this.pipes.size === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private keep(pipe: Pipe): Pipe {
    this.pipes.add(pipe);
    pipe.stream.once('close', () => this.pipes.delete(pipe));
    if (this.swallowAfter !== undefined) swallow(pipe, this.swallowAfter);
    for (const resolve of this.waiting.splice(0)) resolve();
    return pipe;
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = (): void => reject(new PeerweaveError('cancelled', 'The connection attempt was cancelled.'));
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

function swallow({ stream }: Pipe, after: number): void {
  const write = stream.write.bind(stream) as (chunk: Buffer) => boolean;
  let left = after;
  stream.write = ((chunk: Buffer) => {
    const passed = chunk.subarray(0, left);
    left -= passed.length;
    return passed.length === 0 || write(passed);
  }) as typeof stream.write;
}
