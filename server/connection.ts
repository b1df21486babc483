import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ServerMessage, ServerReason } from '../extension/src/p2p/signaling/wire/messages.ts';
import { Inbound } from './inbound.ts';
import type { Metrics } from './metrics.ts';
import type { ServerLimits } from './options.ts';
import { Outbound, type Sender } from './outbound.ts';

/** How long a client may take to answer a close. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** Bytes of framing (RFC 6455, section 5.2) that the unauthenticated limit, which counts messages, allows beside them. */
const FRAMING_BYTES = 64;

/** RFC 6455, section 7.4.1, and the IANA registry for 1012 and 1013. */
const CLOSE_CODES: Partial<Record<ServerReason, number>> = {
  'message-too-large': 1009,
  'going-away': 1012,
  'server-full': 1013,
  'too-many-connections': 1013,
  'slow-consumer': 1013,
  idle: 1001,
};
const POLICY_VIOLATION = 1008;

export interface ConnectionHandler {
  text(message: Buffer): void;
  frame(frame: Buffer): void;
  closed(): void;
  /** Whether the client uses its connection for anything, be it only to be there. */
  isUsed(): boolean;
}

export interface ConnectionContext {
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
}

/** One client's WebSocket: its limits, its liveness, and its end. What is said over it is for the handler. */
export class Connection {
  readonly inbound: Inbound;
  private readonly outbound: Outbound;
  private readonly socket: WebSocket;
  private readonly limits: ServerLimits;
  private readonly metrics: Metrics;
  private readonly handler: ConnectionHandler;
  private readonly pinging: NodeJS.Timeout;
  private deadline: NodeJS.Timeout | undefined;
  private unauthenticatedBytes = 0;
  private authenticated = false;
  private answered = true;
  private wasUnused = false;
  private ended = false;

  /** `raw` is the TCP or TLS socket under `socket`. */
  constructor(
    socket: WebSocket,
    raw: Duplex,
    { limits, metrics }: ConnectionContext,
    handler: (self: Connection) => ConnectionHandler,
  ) {
    this.socket = socket;
    this.limits = limits;
    this.metrics = metrics;
    this.inbound = new Inbound(socket);
    this.outbound = new Outbound(socket, limits, () => this.dropSlow());
    this.handler = handler(this);
    this.deadline = setTimeout(
      () => this.fail('timeout', 'Nothing was joined in time. Connect again.'),
      limits.unauthenticatedMs,
    );
    this.pinging = setInterval(() => this.ping(), limits.pingMs);
    this.watch(raw);
  }

  /** Something was proven that allows to stay: the limits for strangers end. */
  admit(): void {
    this.authenticated = true;
    clearTimeout(this.deadline);
  }

  /** What the client has not read yet, as far as it is still in this process. */
  get queuedBytes(): number {
    return this.outbound.queuedBytes;
  }

  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** A message that was encoded before, for several connections. */
  sendText(text: string): void {
    this.outbound.send(text, false);
  }

  /** Passes on what `from` sent, unchanged; `from` is slowed down while too much waits here. */
  forward(message: Buffer, binary: boolean, from: Sender): void {
    this.outbound.send(message, binary, from);
  }

  /** Says why, closes, and forgets the client at once. */
  fail(reason: ServerReason, message: string): void {
    if (this.ended) return;
    this.metrics.dropped(reason);
    this.send({ type: 'error', reason, message, fatal: true });
    this.close(CLOSE_CODES[reason] ?? POLICY_VIOLATION, reason);
  }

  close(code: number, why: string): void {
    if (this.ended) return;
    this.end({ broken: false });
    this.socket.close(code, why);
  }

  terminate(): void {
    this.end();
    this.socket.terminate();
  }

  private watch(raw: Duplex): void {
    // Counts what is still on its way to becoming a message. Listens after the WebSocket, which is told of the same chunk first.
    const count = (chunk: Buffer): void => {
      if (this.authenticated || this.ended) return void raw.off('data', count);
      this.unauthenticatedBytes += chunk.length;
      if (this.unauthenticatedBytes > this.limits.unauthenticatedBytes + FRAMING_BYTES) this.failTooLarge();
    };
    raw.on('data', count);
    this.socket.on('message', (data: Buffer, isBinary) => this.receive(data, isBinary));
    this.socket.on('pong', () => (this.answered = true));
    // Protocol errors and oversized frames: the library closes with the fitting code.
    this.socket.on('error', (error: Error & { code?: string }) => {
      this.metrics.dropped(error.code?.startsWith('WS_ERR') === true ? 'protocol' : 'connection-lost');
      this.end();
    });
    this.socket.on('close', () => this.end());
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (this.ended) return;
    const limit = isBinary ? this.limits.frameBytes : this.limits.messageBytes;
    if (data.length > limit) return this.failTooLarge();
    if (!this.authenticated && data.length > this.limits.unauthenticatedBytes) return this.failTooLarge();
    if (isBinary) this.handler.frame(data);
    else this.handler.text(data);
  }

  private failTooLarge(): void {
    this.fail('message-too-large', 'A message is longer than this server takes.');
  }

  private ping(): void {
    // Of a client that is not read no answer can be heard.
    if (this.inbound.isHeld) this.answered = true;
    if (!this.answered) {
      this.metrics.dropped('ping');
      return this.terminate();
    }
    // At the second ping at which it is so, for what comes next may be under way.
    const unused = this.authenticated && !this.handler.isUsed();
    if (unused && this.wasUnused) return this.fail('idle', 'Nothing is relayed here any more.');
    this.wasUnused = unused;
    this.answered = false;
    this.socket.ping();
  }

  /** What waits for it would only grow by a message that says so. */
  private dropSlow(): void {
    this.metrics.dropped('slow-consumer');
    this.terminate();
  }

  private end({ broken } = { broken: true }): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.deadline);
    clearInterval(this.pinging);
    this.outbound.close({ broken });
    this.inbound.close();
    this.handler.closed();
  }
}
