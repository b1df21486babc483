import type { RawData, WebSocket } from 'ws';
import type { Disposable } from '../../shared/disposable.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import type { Logger } from '../../shared/log.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import type { Clock } from './clock.ts';
import type { SignalingTimings } from './timings.ts';
import { serverMessage, type ClientMessage, type ServerMessage } from './wire/messages.ts';

/** A room of fifty, all of which dial each other at once, says some thousand messages in a moment. */
const MESSAGES_PER_SECOND = 2_000;
const MESSAGES_AT_ONCE = 10_000;
const BYTES_PER_SECOND = 8 * 1024 * 1024;
const BYTES_AT_ONCE = 32 * 1024 * 1024;
/** A newer server may say something that this build misreads; one that goes on is none. */
const MAX_MALFORMED = 20;
/** What we may have waiting to be sent. A server that does not read that much is no use. */
const MAX_UNSENT_BYTES = 1024 * 1024;

export interface ServerSocketParts {
  /** The server, as people may see it. */
  readonly server: string;
  readonly clock: Clock;
  readonly timings: Pick<SignalingTimings, 'silenceMs' | 'probeMs'>;
  readonly log: Logger;
}

/**
 * Messages to and from a server on one WebSocket. It ends when the server closes it, is silent for too long, says too much, or nothing that
 * can be understood; nothing that a server does throws, or costs more than this connection.
 */
export class ServerSocket implements Disposable {
  private readonly socket: WebSocket;
  private readonly parts: ServerSocketParts;
  private readonly messages: Emitter<ServerMessage>;
  private readonly ends: Emitter<PeerweaveError>;
  private readonly rate: RateLimit;
  private readonly volume: RateLimit;
  private malformed = 0;
  private ended = false;
  private heardAt: number;
  private probing = false;
  private watch: Disposable;
  readonly onMessage: Emitter<ServerMessage>['event'];
  /** Once, when it was not us who closed it. */
  readonly onEnd: Emitter<PeerweaveError>['event'];

  /** Takes over `socket`, which is open. */
  constructor(socket: WebSocket, parts: ServerSocketParts) {
    const { clock, log, timings } = parts;
    this.socket = socket;
    this.parts = parts;
    const onError = (error: unknown): void => log.error(`signaling: ${String(error)}`);
    this.messages = new Emitter(onError);
    this.ends = new Emitter(onError);
    this.onMessage = this.messages.event;
    this.onEnd = this.ends.event;
    const now = (): number => clock.now();
    this.rate = new RateLimit(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, now);
    this.volume = new RateLimit(BYTES_PER_SECOND, BYTES_AT_ONCE, now);
    this.heardAt = clock.now();
    this.watch = clock.after(timings.silenceMs, () => this.checkSilence());
    const heard = (): void => this.heard();
    socket.on('ping', heard).on('pong', heard);
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    socket.on('close', () => this.end('closed the connection.'));
    socket.on('error', () => this.end('broke the connection, or sent what no WebSocket takes.'));
  }

  /** Nothing happens on a connection that has ended. */
  send(message: ClientMessage): void {
    if (this.ended || this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) return this.end('does not take what it is sent.');
    this.socket.send(JSON.stringify(message));
  }

  /** Asks for a sign of life, and ends the connection when there is none: after a sleep, or on another network. */
  probe(): void {
    if (this.ended || this.probing) return;
    this.probing = true;
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
    this.watch.dispose();
    this.watch = this.parts.clock.after(this.parts.timings.probeMs, () => this.end('does not answer any more.'));
  }

  /** Ends the connection as the server's fault: `what` completes "The signaling server at … ". */
  end(what: string, reason: PeerweaveError['reason'] = 'signaling-unreachable'): void {
    this.endWith(new PeerweaveError(reason, `The signaling server ${this.parts.server} ${what}`));
  }

  endWith(error: PeerweaveError): void {
    if (this.ended) return;
    this.stop();
    this.socket.terminate();
    this.ends.fire(error);
  }

  dispose(): void {
    if (this.ended) return;
    this.stop();
    this.socket.close(1000);
  }

  private stop(): void {
    this.ended = true;
    this.watch.dispose();
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.ended) return;
    this.heard();
    const bytes = Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength;
    if (!this.rate.take() || !this.volume.take(bytes)) return this.end('sends far more than there is to say.');
    const message = isBinary ? undefined : decodeServerMessage(data);
    if (message === 'unknown-type') return;
    if (message !== undefined) return this.messages.fire(message);
    this.malformed += 1;
    if (this.malformed > MAX_MALFORMED) this.end('sends what no signaling server says.');
  }

  private heard(): void {
    this.heardAt = this.parts.clock.now();
    if (!this.probing || this.ended) return;
    this.probing = false;
    this.watchFor(this.parts.timings.silenceMs);
  }

  private checkSilence(): void {
    const left = this.parts.timings.silenceMs - (this.parts.clock.now() - this.heardAt);
    if (left > 0) return this.watchFor(left);
    this.probe();
  }

  private watchFor(ms: number): void {
    this.watch.dispose();
    this.watch = this.parts.clock.after(ms, () => this.checkSilence());
  }
}

const TYPES: ReadonlySet<unknown> = new Set(serverMessage.options.map(({ shape }) => shape.type.value));

/** Undefined when it is malformed; a later version may have types that this one does not know. */
export function decodeServerMessage(data: RawData): ServerMessage | 'unknown-type' | undefined {
  const value = parseJson(data);
  const parsed = serverMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  return typeof type === 'string' && !TYPES.has(type) ? 'unknown-type' : undefined;
}

function parseJson(data: RawData): unknown {
  try {
    // Text frames come as one buffer; `ws` has checked that it is UTF-8.
    return JSON.parse((data as Buffer).toString()) as unknown;
  } catch {
    return undefined;
  }
}
