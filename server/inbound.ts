import type { WebSocket } from 'ws';
import type { Holdable } from './outbound.ts';

/** What comes from one client: it is read unless somebody holds it, because a receiver is slow or a rate is used up. */
export class Inbound implements Holdable {
  private readonly socket: WebSocket;
  private pause: NodeJS.Timeout | undefined;
  private holders = 0;
  private closed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
  }

  get isHeld(): boolean {
    return this.holders > 0;
  }

  hold(): void {
    if (++this.holders === 1 && !this.closed) this.socket.pause();
  }

  release(): void {
    if (--this.holders === 0 && !this.closed) this.socket.resume();
  }

  /** Reads nothing for so many milliseconds; a pause that is under way is replaced by this one. */
  holdFor(ms: number): void {
    if (ms <= 0 || this.closed) return;
    if (this.pause === undefined) this.hold();
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.release();
    }, ms);
  }

  /** What still comes, such as the other's close frame, is read; nobody acts on it. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.pause);
    this.socket.resume();
  }
}
