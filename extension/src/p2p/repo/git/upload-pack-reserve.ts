import type { Disposable } from '../../../shared/disposable.ts';
import type { GitProcess } from './git.ts';

/** Milliseconds that a process waits for its peer, who may have the objects from somebody else, or be asleep. */
const PATIENCE_MS = 3_000;
/** Peers beyond these find none waiting, and wait for theirs to start. */
const MAX_WAITING = 4;

/**
 * `git upload-pack` processes that were started when peers were told of new refs, for them to find one running: to start it takes
 * longer than a peer nearby takes to ask.
 */
export class UploadPackReserve implements Disposable {
  private waiting: GitProcess[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** Starts one for each of so many peers. What waited before knows only the refs of before, and goes. */
  expect(peers: number, start: () => GitProcess): void {
    this.dispose();
    if (peers === 0) return;
    this.waiting = Array.from({ length: Math.min(peers, MAX_WAITING) }, start);
    this.timer = setTimeout(() => this.dispose(), PATIENCE_MS);
    this.timer.unref();
  }

  take(): GitProcess | undefined {
    return this.waiting.pop();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const process of this.waiting) process.kill();
    this.waiting = [];
  }
}
