import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import {
  SIGNALING_SUBPROTOCOL,
  type ClientMessage,
  type RoomPeer,
  type ServerMessage,
} from '../../extension/src/p2p/signaling/wire/messages.ts';
import {
  decodeId,
  parseRelayFrame,
  RELAY_HEADER_BYTES,
  relayHeader,
} from '../../extension/src/p2p/signaling/wire/relay-frame.ts';
import type { RunningServer, ServerOptions } from '../../server/options.ts';
import { startServer } from '../../server/server.ts';

export type Said = ClientMessage | ServerMessage;

/** A message on its way between a victim and the server, which has not decided yet what becomes of it. */
export interface Passing {
  readonly victim: Victim;
  /** From the victim. */
  readonly up: boolean;
  readonly data: Buffer;
  readonly binary: boolean;
  /** What a text message says. */
  readonly said: Said | undefined;
  /** Bytes of a meeting, whether they travel as a frame or as text. */
  readonly relayed: Relayed | undefined;
}

/** Bytes of a meeting, and how to say others in their place. */
export interface Relayed {
  readonly session: string;
  readonly peer: string;
  readonly sequence: number;
  readonly bytes: Buffer;
  /** The same message with other contents. */
  with(change: { session?: string; peer?: string; sequence?: number; bytes?: Buffer }): Message;
}

export type Message = Said | Buffer;

/** Decides what becomes of a message: others in its place, `close`, or undefined to let it pass. */
export type Evil = (passing: Passing, server: EvilServer) => readonly Message[] | 'close' | undefined;

/**
 * A signaling server of somebody who means harm: a real one with its adversary inside, who sees every message of every client in full, writes all
 * of them down, and decides what becomes of each.
 */
export class EvilServer {
  /** How the adversary acts from now on. */
  evil: Evil | undefined;
  /** How often it did something other than pass on. */
  deeds = 0;
  readonly victims: Victim[] = [];
  private readonly http: Server;
  private readonly real: RunningServer;
  private readonly written: {
    readonly victim: Victim;
    readonly up: boolean;
    readonly data: Buffer;
    readonly binary: boolean;
  }[] = [];
  private readonly requests: Buffer[] = [];
  /** Ticket → who was told it. */
  private readonly tickets = new Map<string, RoomPeer>();

  static async start(options: ServerOptions = {}): Promise<EvilServer> {
    // Its clients all seem to come from one address.
    const limits = { connectionsPerAddress: 1_000, joinsPerSecond: 1_000, ...options.limits };
    const server = new EvilServer(await startServer({ ...options, limits }));
    server.http.listen(0, '127.0.0.1');
    await once(server.http, 'listening');
    return server;
  }

  private constructor(real: RunningServer) {
    this.real = real;
    this.http = createServer();
    const clients = new WebSocketServer({ server: this.http, handleProtocols: () => SIGNALING_SUBPROTOCOL });
    clients.on('connection', (client, request) => this.welcome(client, request));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Those who are in a room, as far as this server knows. */
  get members(): Victim[] {
    return this.victims.filter((victim) => victim.self !== undefined && victim.isConnected);
  }

  /** The member of a tag that joined last. */
  memberOf(tag: string): Victim {
    const found = this.members.findLast(({ self }) => self?.tag === tag);
    if (found === undefined) throw new Error('Nobody of that tag is in the room.');
    return found;
  }

  /** All that this server has seen: each request, each message in full, and all bytes of a meeting as one. */
  get log(): Buffer[] {
    const streams = new Map<string, Buffer[]>();
    for (const { victim, up, data, binary } of this.written) {
      const relayed = relayedIn(data, binary, parse(data, binary));
      const name = `${victim.number} ${up} ${relayed?.session ?? ''}`;
      const stream = streams.get(name) ?? [];
      streams.set(name, stream);
      stream.push(relayed?.bytes ?? data);
    }
    const messages = this.written.map(({ data }) => data);
    return [...this.requests, ...messages, ...[...streams.values()].map((parts) => Buffer.concat(parts))];
  }

  /** Messages of a type that went up, or down. */
  said<T extends Said['type']>(type: T): Extract<Said, { type: T }>[] {
    return this.written
      .map(({ data, binary }) => parse(data, binary))
      .filter((said): said is Extract<Said, { type: T }> => said?.type === type);
  }

  async dispose(): Promise<void> {
    this.evil = undefined;
    for (const victim of this.victims) victim.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
    await this.real.close();
  }

  private welcome(client: WebSocket, request: IncomingMessage): void {
    this.requests.push(Buffer.from(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}`));
    const victim = new Victim(
      this.victims.length,
      client,
      new WebSocket(this.real.url, SIGNALING_SUBPROTOCOL),
      (up, data, binary) => this.decide(victim, up, data, binary),
    );
    this.victims.push(victim);
  }

  private decide(victim: Victim, up: boolean, data: Buffer, binary: boolean): void {
    this.written.push({ victim, up, data: Buffer.from(data), binary });
    const said = parse(data, binary);
    if (up && said?.type === 'join') victim.self = victim.owner = { peer: said.peer, tag: said.tag };
    if (up && said?.type === 'attach') victim.owner ??= this.tickets.get(said.ticket);
    if (!up && said?.type === 'meeting' && victim.self !== undefined) this.tickets.set(said.ticket, victim.self);
    const fate = this.evil?.({ victim, up, data, binary, said, relayed: relayedIn(data, binary, said) }, this);
    if (fate === undefined) return victim.pass(up, data, binary);
    this.deeds += 1;
    if (fate === 'close') return victim.close();
    for (const message of fate) victim.say(up, message);
  }
}

/** One connection of a client of the adversary, and what can be said to it and in its name. */
export class Victim {
  readonly number: number;
  /** Once it has joined. */
  self: RoomPeer | undefined;
  /** Whose connection it is, as the server can tell: by how it joined, or by the ticket that it came with. */
  owner: RoomPeer | undefined;
  private readonly client: WebSocket;
  private readonly server: WebSocket;
  private readonly early: (() => void)[] = [];

  constructor(
    number: number,
    client: WebSocket,
    server: WebSocket,
    decide: (up: boolean, data: Buffer, binary: boolean) => void,
  ) {
    this.number = number;
    this.client = client;
    this.server = server;
    client.on('message', (data, binary) => decide(true, data as Buffer, binary));
    server.on('message', (data, binary) => decide(false, data as Buffer, binary));
    server.on('open', () => this.early.splice(0).forEach((run) => run()));
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => this.close());
    }
  }

  get isConnected(): boolean {
    return this.client.readyState === WebSocket.OPEN;
  }

  /** As the server would. */
  tell(...messages: Message[]): void {
    for (const message of messages) this.say(false, message);
  }

  /** As the client would. */
  ask(...messages: Message[]): void {
    for (const message of messages) this.say(true, message);
  }

  say(up: boolean, message: Message): void {
    if (Buffer.isBuffer(message)) this.pass(up, message, true);
    else this.pass(up, Buffer.from(JSON.stringify(message)), false);
  }

  pass(up: boolean, data: Buffer, binary: boolean): void {
    const to = up ? this.server : this.client;
    if (to.readyState === WebSocket.CONNECTING) this.early.push(() => to.send(data, { binary }));
    else if (to.readyState === WebSocket.OPEN) to.send(data, { binary });
  }

  close(): void {
    this.client.terminate();
    this.server.terminate();
  }
}

export const randomId = (): string => randomBytes(16).toString('base64url');

function parse(data: Buffer, binary: boolean): Said | undefined {
  if (binary) return undefined;
  try {
    return JSON.parse(data.toString()) as Said;
  } catch {
    return undefined;
  }
}

function relayedIn(data: Buffer, binary: boolean, said: Said | undefined): Relayed | undefined {
  if (said?.type === 'data') {
    const bytes = Buffer.from(said.data, 'base64');
    return {
      ...said,
      bytes,
      with: ({ bytes: other = bytes, ...change }) => ({ ...said, ...change, data: other.toString('base64') }),
    };
  }
  const frame = binary ? parseRelayFrame(data) : undefined;
  if (frame === undefined) return undefined;
  const bytes = data.subarray(RELAY_HEADER_BYTES);
  return {
    ...frame,
    bytes,
    with: ({ session = frame.session, peer = frame.peer, sequence = frame.sequence, bytes: other = bytes }) =>
      Buffer.concat([relayHeader(decodeId(session), decodeId(peer), sequence), other]),
  };
}
