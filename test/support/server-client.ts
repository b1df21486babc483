import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import {
  SIGNALING_PROTOCOL,
  SIGNALING_SUBPROTOCOL,
  serverMessage,
  type ClientMessage,
  type RoomPeer,
  type ServerMessage,
} from '../../extension/src/p2p/signaling/wire/messages.ts';
import { decodeId, relayHeader } from '../../extension/src/p2p/signaling/wire/relay-frame.ts';

type OfType<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** What a client was told: a decoded message, a relayed frame, or the end. */
type Heard = ServerMessage | { readonly type: 'frame'; readonly frame: Buffer } | { readonly type: 'closed' };

export const randomId = (): string => randomBytes(16).toString('base64url');

/** A bare client of the signaling server, which says just what a test wants said. */
export class ServerClient {
  readonly socket: WebSocket;
  readonly self: RoomPeer = { peer: randomId(), tag: randomId() };
  closeCode: number | undefined;
  private readonly heard: Heard[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, SIGNALING_SUBPROTOCOL, { perMessageDeflate: false, ...options });
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.push({ type: 'frame', frame: data });
      else this.push(serverMessage.parse(JSON.parse(data.toString())));
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => {
      this.closeCode = code;
      this.push({ type: 'closed' });
    });
  }

  /** Connected, and nothing said yet. */
  static async open(url: string, options: ClientOptions = {}): Promise<ServerClient> {
    const client = new ServerClient(url, options);
    await once(client.socket, 'open');
    return client;
  }

  static async join(
    url: string,
    room: string,
    options: ClientOptions & { token?: string } = {},
  ): Promise<ServerClient> {
    const client = await ServerClient.open(url, options);
    client.join(room, options.token);
    await client.next('joined');
    return client;
  }

  join(room: string, token?: string): void {
    this.send({
      type: 'join',
      version: SIGNALING_PROTOCOL,
      room,
      ...this.self,
      ...(token === undefined ? {} : { token }),
    });
  }

  attach(ticket: string): void {
    this.send({ type: 'attach', version: SIGNALING_PROTOCOL, ticket });
  }

  send(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  sendFrame(session: string, sequence: number, data: Uint8Array, peer = this.self.peer): void {
    this.socket.send(Buffer.concat([relayHeader(decodeId(session), decodeId(peer), sequence), data]));
  }

  /** The first message of that type that was not taken yet; those of other types before it are kept. Rejects when the server closes first. */
  async next<T extends Heard['type']>(type: T): Promise<Extract<Heard, { type: T }>> {
    for (;;) {
      const index = this.heard.findIndex((each) => each.type === type);
      if (index >= 0) return this.heard.splice(index, 1)[0] as Extract<Heard, { type: T }>;
      if (this.heard.some((each) => each.type === 'closed')) {
        throw new Error(`closed (${String(this.closeCode)}) before ${type}; heard ${JSON.stringify(this.heard)}`);
      }
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  /** Everything heard and not taken so far. */
  get rest(): readonly Heard[] {
    return this.heard;
  }

  /** What the server said last before it closed: the reason of a fatal error. */
  async refusal(): Promise<OfType<'error'>> {
    const error = await this.next('error');
    if (error.fatal) await this.next('closed');
    return error;
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.terminate();
    await closed;
  }

  private push(heard: Heard): void {
    this.heard.push(heard);
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }
}

/** Lets two members of a room meet, both attached on the connection that they have. */
export async function meet(asker: ServerClient, asked: ServerClient): Promise<string> {
  asker.send({ type: 'meet', to: asked.self.peer, request: 1 });
  const [mine, theirs] = [await asker.next('meeting'), await asked.next('meeting')];
  asker.attach(mine.ticket);
  await asker.next('attached');
  asked.attach(theirs.ticket);
  await asked.next('attached');
  await asker.next('attached');
  return mine.session;
}

/** The value of a metric with these labels, as `peerweave_drops_total{reason="idle"}`; 0 when there is none. */
export async function metricOf(metricsUrl: string | undefined, name: string): Promise<number> {
  const text = await (await fetch(metricsUrl ?? '')).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
