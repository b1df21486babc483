import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Listener, Pipe, Transport } from '../../extension/src/p2p/transport/transport.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';

/** Whether, and how, paths fail at present. */
export interface Chaos {
  /** From 0 to 1, repeatable. */
  readonly random: () => number;
  on: boolean;
}

/** A transport whose dials fail, linger and lead to pipes that die, by a word or without, one way or both, at any byte. */
export class ChaosTransport implements Transport {
  readonly tier: Transport['tier'];
  private readonly inner: Transport;
  private readonly chaos: Chaos;

  constructor(inner: Transport, chaos: Chaos) {
    this.inner = inner;
    this.tier = inner.tier;
    this.chaos = chaos;
  }

  async dial(...args: Parameters<Transport['dial']>): Promise<Pipe> {
    const { random, on } = this.chaos;
    if (on && random() < 0.5) await delay(random() * 20);
    if (on && random() < 0.25) throw new PeerweaveError('unreachable', 'Chaos.');
    return this.doomed(await this.inner.dial(...args));
  }

  listen(options: Parameters<Transport['listen']>[0]): Promise<Listener> {
    return this.inner.listen({ ...options, onPipe: (pipe) => options.onPipe(this.doomed(pipe)) });
  }

  private doomed(pipe: Pipe): Pipe {
    const { random, on } = this.chaos;
    if (!on || random() < 0.1) return pipe;
    // Often within the handshake of a move, else somewhere in the transfer.
    const after = random() < 0.3 ? random() * 200 : random() * 300_000;
    dieAfter(pipe.stream, Math.floor(after), random() < 0.3);
    return pipe;
  }
}

/** The path takes no more after so many bytes: it breaks, or, `quietly`, only swallows. */
function dieAfter(stream: Duplex, bytes: number, quietly: boolean): void {
  const write = stream.write.bind(stream) as (chunk: Buffer) => boolean;
  let left = bytes;
  stream.write = ((chunk: Buffer) => {
    const passed = chunk.subarray(0, left);
    left -= passed.length;
    if (left === 0 && !quietly) setImmediate(() => stream.destroy());
    return passed.length === 0 || write(passed);
  }) as typeof stream.write;
}
