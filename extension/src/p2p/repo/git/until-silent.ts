import type { Duplex } from 'node:stream';
import { PktLineError } from './pkt-line.ts';

/**
 * What the stream says, for as long as something comes within `maxSilenceMs` of being waited for: time that the reader takes for itself
 * does not count. A peer that falls silent has its stream destroyed, and this throws `PktLineError`.
 */
export async function* untilSilent(stream: Duplex, maxSilenceMs: number): AsyncGenerator<Buffer> {
  let waiting = true;
  const timer = setTimeout(() => {
    if (waiting) stream.destroy(new PktLineError(`it said nothing for ${Math.round(maxSilenceMs / 1000)} seconds`));
    else timer.refresh();
  }, maxSilenceMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
