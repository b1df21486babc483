import type { RawData, WebSocket } from 'ws';
import { PeerweaveError } from '../../shared/errors.ts';
import { Emitter } from '../../shared/events.ts';
import { decodeServerMessage } from '../signaling/server-socket.ts';
import { refusalError } from '../signaling/server-refusal.ts';
import { displayUrl } from '../signaling/signaling-url.ts';
import type { Meeting } from '../signaling/signaling.ts';
import { SIGNALING_PROTOCOL, type ClientMessage, type ServerMessage } from '../signaling/wire/messages.ts';
import { parseRelayFrame } from '../signaling/wire/relay-frame.ts';
import type { FrameChannel } from './frame-channel.ts';
import { LOW_WATER_BYTES, MeetingChannel, type FrameCodec, type MeetingWay } from './meeting-channel.ts';
import { corrupt } from './relay-seal.ts';

/**
 * What others may have under way to us on one connection, all meetings together, and one of many at least. The server keeps it for us when
 * we do not read; as text and with others' first grants it stays below what makes the server drop us (4 MiB).
 */
const CONNECTION_WINDOW_BYTES = 2 * 1024 * 1024;
const MIN_WINDOW_BYTES = 64 * 1024;
/** For the answer to an `attach`. A connection whose network went away without a word would take minutes to break by itself. */
const ANSWER_MS = 4_000;

interface Frame {
  readonly session: string;
  readonly peer: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** One WebSocket to a server, and the meetings that are attended on it. */
export class MeetingConnection implements MeetingWay {
  private readonly socket: WebSocket;
  /** As people may see it. */
  private readonly server: string;
  private readonly codec: FrameCodec;
  private readonly channels = new Map<string, MeetingChannel>();
  /** Sessions whose `attach` has not been answered, in their order: an answer of refusal does not name them. */
  private readonly unanswered = new Set<string>();
  private readonly closing = new Emitter<void>();
  private readonly emptied = new Emitter<void>();
  private aboveLow = false;
  private goingAway = false;
  private watchdog: NodeJS.Timeout | undefined;
  private readonly answerMs: number;
  private failure: PeerweaveError | undefined;

  /** Takes over `socket`, which is open. `answerMs` is for the server to answer an `attach`. */
  constructor(socket: WebSocket, codec: FrameCodec, answerMs = ANSWER_MS) {
    this.socket = socket;
    this.answerMs = answerMs;
    this.server = displayUrl(new URL(socket.url));
    this.codec = codec;
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    socket.on('error', () => undefined);
    socket.on('close', () => this.end());
  }

  readonly onClosed = this.closing.event;
  /** The last meeting has ended. */
  readonly onEmpty = this.emptied.event;

  /** Whether more meetings may be attended on it. */
  get isWelcome(): boolean {
    return this.isOpen && !this.goingAway;
  }

  private get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN && !this.failure;
  }

  get isEmpty(): boolean {
    return this.channels.size === 0;
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  /** For each of its meetings. */
  get windowBytes(): number {
    return Math.max(MIN_WINDOW_BYTES, Math.floor(CONNECTION_WINDOW_BYTES / this.channels.size));
  }

  /** Takes our seat in the meeting. Throws what the connection broke for. */
  attach(meeting: Meeting): FrameChannel {
    this.say({ type: 'attach', version: SIGNALING_PROTOCOL, ticket: meeting.ticket });
    return this.attached(meeting);
  }

  /** The way into a meeting whose `attach` was sent already. Throws what the connection broke for. */
  attached(meeting: Meeting): FrameChannel {
    if (!this.isOpen) throw this.failure ?? broken();
    const channel = new MeetingChannel(this, meeting, this.codec);
    this.channels.set(meeting.session, channel);
    this.unanswered.add(meeting.session);
    this.watchdog ??= setTimeout(() => this.suspect(), this.answerMs);
    return channel;
  }

  /** Called by a channel that was closed on this side. */
  leave(session: string): void {
    if (!this.forget(session)) return;
    this.say({ type: 'detach', session });
  }

  sendFrame(message: Buffer | string): void {
    if (!this.isOpen) return;
    this.socket.send(message, () => this.checkLow());
    if (this.queuedBytes > LOW_WATER_BYTES) this.aboveLow = true;
  }

  close(): void {
    this.socket.close();
  }

  /** Without a word to the server. */
  terminate(): void {
    this.socket.terminate();
  }

  private suspect(): void {
    // If it was this process that stood still, the answer lies here already and is read in this turn.
    setImmediate(() => {
      if (this.watchdog) this.fail(unanswered(this.server));
    });
  }

  private say(message: ClientMessage): void {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  private checkLow(): void {
    if (!this.aboveLow || this.queuedBytes > LOW_WATER_BYTES) return;
    this.aboveLow = false;
    // The first may take all the room there is: next time it comes last.
    const channels = [...this.channels];
    const [first] = channels;
    if (first === undefined) return;
    this.channels.delete(first[0]);
    this.channels.set(...first);
    for (const [, channel] of channels) channel.goOn();
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.failure) return;
    clearTimeout(this.watchdog);
    this.watchdog = undefined;
    // Sockets are left at `nodebuffer`, which makes every message a single buffer.
    const bytes = data as Buffer;
    const frame = isBinary ? parseRelayFrame(bytes) : undefined;
    if (frame) return this.deliver(frame);
    const message = isBinary ? undefined : decodeServerMessage(bytes);
    if (message === 'unknown-type') return;
    if (message) this.handle(message);
    // Who it was for cannot be told, so nothing that comes after it can be trusted to be complete.
    else this.fail(corrupt('was unreadable'));
  }

  private handle(message: ServerMessage): void {
    switch (message.type) {
      case 'data':
        return this.deliver({ ...message, data: Buffer.from(message.data, 'base64') });
      case 'attached':
        this.unanswered.delete(message.session);
        if (message.ready) this.channels.get(message.session)?.start();
        return;
      case 'detached':
        return this.drop(message.session, new PeerweaveError('link-lost', 'The peer has left the relay.'));
      case 'pause':
        return this.channels.get(message.session)?.pause();
      case 'resume':
        return this.channels.get(message.session)?.resume();
      case 'error':
        return this.refused(message);
      case 'go-away':
        this.goingAway = true;
        if (this.isEmpty) this.close();
        return;
      default:
      // What is said to those who joined a room means nothing here; more may be said to them some day.
    }
  }

  private deliver({ session, peer, sequence, data }: Frame): void {
    // Meetings that we have left may have frames under way.
    this.channels.get(session)?.receive(peer, sequence, data);
  }

  private refused({ reason, session, fatal }: Extract<ServerMessage, { type: 'error' }>): void {
    const error = refusalError(this.server, reason);
    if (fatal) return this.fail(error);
    const [oldest] = this.unanswered;
    const whose = session ?? oldest;
    if (whose !== undefined) this.drop(whose, error);
  }

  private drop(session: string, error: PeerweaveError): void {
    this.forget(session)?.end(error);
  }

  private forget(session: string): MeetingChannel | undefined {
    const channel = this.channels.get(session);
    if (!channel) return undefined;
    this.channels.delete(session);
    this.unanswered.delete(session);
    if (this.isEmpty && this.goingAway) this.close();
    if (this.isEmpty) this.emptied.fire();
    return channel;
  }

  private fail(error: PeerweaveError): void {
    this.failure ??= error;
    // Whoever does not answer, or says what cannot be understood, is not asked for a proper end either.
    this.socket.terminate();
  }

  private end(): void {
    clearTimeout(this.watchdog);
    this.watchdog = undefined;
    this.failure ??= broken();
    for (const session of [...this.channels.keys()]) this.drop(session, this.failure);
    this.closing.fire();
  }
}

const broken = (): PeerweaveError => new PeerweaveError('link-lost', 'The connection to the relay server broke.');

const unanswered = (server: string): PeerweaveError =>
  new PeerweaveError('unreachable', `The relay server ${server} does not answer.`);
