import type { Readable } from 'node:stream';

/**
 * The next `count` bytes of a stream that nobody reads yet, leaving what follows in it. Rejects when the stream ends or breaks before.
 * It waits without limit: whoever calls it destroys the stream when its time is up.
 */
export function readExactly(stream: Readable, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      stream.off('readable', attempt);
      stream.off('end', ended);
      stream.off('close', ended);
      stream.off('error', ended);
      outcome();
    };
    const ended = (error?: Error): void => settle(() => reject(error ?? new Error('the connection was closed')));
    const attempt = (): void => {
      const bytes = stream.read(count) as Buffer | null;
      // At the end a stream gives what it has, however little.
      if (bytes?.length === count) settle(() => resolve(bytes));
      else if (bytes) ended();
    };
    if (stream.destroyed || stream.readableEnded) return ended();
    stream.on('readable', attempt);
    stream.on('end', ended);
    stream.on('close', ended);
    stream.on('error', ended);
    attempt();
  });
}
