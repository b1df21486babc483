import { Duplex } from 'node:stream';
import { disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { DialOptions, Listener, ListenOptions, Pipe, Transport, TransportAddress } from './transport.ts';

/**
 * Joins two ends of one process without a socket. It behaves as TCP does where it matters (order, half-close, backpressure,
 * a reset on destroy), so that what is tested on it holds elsewhere.
 */
export class MemoryNetwork {
  private readonly listeners = new Map<string, (pipe: Pipe) => void>();
  private names = 0;

  /** A transport whose listeners and dialers meet the others made from this network. */
  transport(): Transport {
    return {
      tier: 'memory',
      dial: (address, options) => this.dial(address, options),
      listen: (options) => this.listen(options),
    };
  }

  private async dial(address: TransportAddress, { signal }: DialOptions = {}): Promise<Pipe> {
    // Everybody else's dial takes at least one turn of the loop; code that relies on less would break on a socket.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new PeerweaveError('cancelled', 'The connection attempt was cancelled.');
    const accept = this.listeners.get(address.value);
    if (!accept) throw new PeerweaveError('unreachable', `Nobody listens at ${address.value}.`);
    const [near, far] = memoryPair();
    accept({ stream: far, route: 'memory', remote: 'memory' });
    return { stream: near, route: 'memory', remote: address.value };
  }

  private async listen({ host, onPipe }: ListenOptions): Promise<Listener> {
    const name = host ?? `memory-${++this.names}`;
    if (this.listeners.has(name)) throw new PeerweaveError('unreachable', `${name} is already listened on.`);
    this.listeners.set(name, onPipe);
    return {
      addresses: [{ tier: 'memory', value: name }],
      ...disposable(() => this.listeners.delete(name)),
    };
  }
}

/** Two streams, each reading what the other writes. */
function memoryPair(): [Duplex, Duplex] {
  const a = new MemoryEnd();
  const b = new MemoryEnd();
  a.join(b);
  b.join(a);
  // As every pipe: a reset closes the stream, and ends no process for want of a listener.
  for (const end of [a, b]) end.on('error', () => undefined);
  return [a, b];
}

class MemoryEnd extends Duplex {
  private other: MemoryEnd | undefined;
  /** Acknowledges the last write to this end, held back while its reader has enough. */
  private release: (() => void) | undefined;

  join(other: MemoryEnd): void {
    this.other = other;
  }

  override _read(): void {
    const release = this.release;
    this.release = undefined;
    release?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const other = this.other;
    if (!other || other.destroyed) return done(reset());
    // As with a socket, each write takes a turn of the loop: a transfer that lived on microtasks alone would starve every timer.
    if (other.push(chunk)) setImmediate(done);
    else other.release = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const orderly = this.readableEnded && this.writableFinished;
    const other = this.other;
    this.release?.();
    // A socket's other end hears of a reset in a later turn, never inside our own call.
    if (other && !orderly) setImmediate(() => other.destroy(reset()));
    done(error);
  }
}

const reset = (): Error => Object.assign(new Error('The other end of the pipe is gone.'), { code: 'ECONNRESET' });
