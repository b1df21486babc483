import type { Pipe } from '../transport/transport.ts';
import type { ResumableLink, ResumeOffer } from './resume-handshake.ts';
import { KIND_BECKON, preface } from './resume-wire.ts';

/**
 * The acceptor's way to a better transport: where only it can reach the other, it dials, and asks the dialer to move the link to what
 * it finds. `accept` takes the pipe as any that somebody dialed to us: what comes by it is the dialer's offer to go on there.
 * The result resolves when the link is there; waits without limit, as every offer does.
 */
export function beckon(pipe: Pipe, { stream, secret }: ResumableLink, accept: (pipe: Pipe) => void): ResumeOffer {
  return {
    pipe,
    // Nothing was asked yet. The dialer, who decides, will measure.
    rttMs: 0,
    take: () =>
      new Promise((resolve, reject) => {
        const arrived = stream.onAttached((current) => {
          if (current !== pipe) return;
          arrived.dispose();
          resolve();
        });
        pipe.stream.once('close', () => {
          arrived.dispose();
          reject(new Error('The peer did not want to go on there.'));
        });
        pipe.stream.write(Buffer.concat([preface(KIND_BECKON), secret.linkId]));
        accept(pipe);
      }),
  };
}
