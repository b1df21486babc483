import type { Listener, Pipe, Transport } from '../../extension/src/p2p/transport/transport.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';

/** A transport whose pipes a test can cut and silence, and whose dials it can forbid. */
export class BreakableTransport implements Transport {
  readonly tier: Transport['tier'];
  /** Pipes that this side dialed or accepted and that still live. */
  readonly pipes = new Set<Pipe>();
  dialing = true;
  dials = 0;
  private readonly inner: Transport;
  private waiting: (() => void)[] = [];

  constructor(inner: Transport) {
    this.inner = inner;
    this.tier = inner.tier;
  }

  async dial(...args: Parameters<Transport['dial']>): Promise<Pipe> {
    this.dials += 1;
    if (!this.dialing) throw new PeerweaveError('unreachable', 'The test has cut the network.');
    return this.keep(await this.inner.dial(...args));
  }

  listen(options: Parameters<Transport['listen']>[0]): Promise<Listener> {
    return this.inner.listen({ ...options, onPipe: (pipe) => options.onPipe(this.keep(pipe)) });
  }

  /** Breaks every pipe, losing what is in flight. */
  cut(): void {
    for (const { stream } of this.pipes) stream.destroy();
  }

  /** Swallows all that this side sends on the pipes it has, as a path does that died without a word. */
  silence(): void {
    for (const { stream } of this.pipes) stream.write = () => true;
  }

  /** Resolves when there is a pipe. */
  async connected(): Promise<void> {
    while (this.pipes.size === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private keep(pipe: Pipe): Pipe {
    this.pipes.add(pipe);
    pipe.stream.once('close', () => this.pipes.delete(pipe));
    for (const resolve of this.waiting.splice(0)) resolve();
    return pipe;
  }
}
