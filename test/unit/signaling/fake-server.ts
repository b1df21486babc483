import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { SignalingClient, type SignalingClientOptions } from '../../../extension/src/p2p/signaling/signaling-client.ts';
import type { OpenSocket } from '../../../extension/src/p2p/signaling/signaling-socket.ts';
import type { ClientMessage, RoomPeer, ServerMessage } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { createLogger } from '../../../extension/src/shared/log.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';

/** The client's end of a connection to a server that says what the test says. */
export class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  pings = 0;
  readonly sent: ClientMessage[] = [];
  private readonly onSent: (message: ClientMessage) => void;

  constructor(onSent: (socket: FakeSocket, message: ClientMessage) => void) {
    super();
    this.onSent = (message) => onSent(this, message);
  }

  send(text: string): void {
    const message = JSON.parse(text) as ClientMessage;
    this.sent.push(message);
    this.onSent(message);
  }

  ping(): void {
    this.pings += 1;
  }

  close(): void {
    this.readyState = 3;
  }

  terminate(): void {
    this.readyState = 3;
  }

  get isOpen(): boolean {
    return this.readyState === 1;
  }

  /** What the server says. */
  say(...messages: ServerMessage[]): void {
    for (const message of messages) this.sayRaw(JSON.stringify(message));
  }

  sayRaw(text: string | Buffer, isBinary = false): void {
    this.emit('message', Buffer.from(text as string), isBinary);
  }

  /** The server is gone. */
  drop(): void {
    this.readyState = 3;
    this.emit('close');
  }

  /** How it joined. */
  get join(): Extract<ClientMessage, { type: 'join' }> {
    const join = this.sent.find((message) => message.type === 'join');
    if (join === undefined) throw new Error('It has not joined.');
    return join;
  }
}

export const joined = (...peers: RoomPeer[]): ServerMessage => ({ type: 'joined', peers, ice: [], iceSeconds: 0 });

/** What happens to an attempt to connect: the server answers so, is down, or says nothing. */
export type Answer = ServerMessage | 'refused' | 'hangs' | 'mute';

/** Servers by URL, and a client of them, under one clock. */
export class FakeServers {
  readonly clock = new ManualClock();
  readonly log: string[] = [];
  /** Every attempt: when, and where. */
  readonly attempts: { readonly at: number; readonly host: string }[] = [];
  readonly sockets: FakeSocket[] = [];
  private readonly answers = new Map<string, Answer>();
  private readonly clients: SignalingClient[] = [];

  answer(host: string, answer: Answer): void {
    this.answers.set(host, answer);
  }

  readonly open: OpenSocket = async (url, { signal } = {}) => {
    this.attempts.push({ at: Math.round(this.clock.now()), host: url.hostname });
    const answer = this.answers.get(url.hostname) ?? joined();
    if (answer === 'refused') throw new PeerweaveError('signaling-unreachable', `${url.hostname} is down`);
    if (answer === 'hangs') {
      await new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new PeerweaveError('cancelled', 'Cancelled.'))),
      );
    }
    const socket = new FakeSocket((self, message) => {
      if (message.type === 'join' && answer !== 'mute') self.say(answer as ServerMessage);
    });
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  };

  /** The newest connection. */
  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  client(urls: readonly string[], options: Partial<SignalingClientOptions> = {}): SignalingClient {
    const client = new SignalingClient({
      urls,
      secret: new Uint8Array(16),
      peer: `SHA256:${'A'.repeat(43)}` as PeerId,
      log: createLogger(({ level, text }) => this.log.push(`${level} ${text}`)),
      open: this.open,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  async joinedClient(
    urls: readonly string[] = ['wss://one'],
    options: Partial<SignalingClientOptions> = {},
  ): Promise<SignalingClient> {
    const client = this.client(urls, options);
    await settle();
    if (client.state !== 'joined') throw new Error(client.problem ?? 'not joined');
    return client;
  }

  dispose(): void {
    for (const client of this.clients) client.dispose();
  }
}

/** 22 characters, as ids have. */
export const id = (letter: string): string => letter.repeat(22);
export const peer = (letter: string): RoomPeer => ({ peer: id(letter), tag: id(letter.toUpperCase()) });
