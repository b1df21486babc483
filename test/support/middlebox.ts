import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { WebSocket, WebSocketServer, type RawData } from 'ws';

/** A message on its way: to the server is `up`. */
export interface Passing {
  readonly up: boolean;
  readonly binary: boolean;
  readonly message: Buffer;
}

/** What becomes of a message: others in its place, or the end of the connection. */
export type Rule = (passing: Passing) => readonly Buffer[] | 'close';

export const passOn: Rule = ({ message }) => [message];

/** A proxy that understands WebSockets, in front of a real server, and does to messages what its rule says. */
export class Middlebox {
  rule: Rule = passOn;
  /** Connections that clients have now. */
  readonly connections = new Set<WebSocket>();
  private readonly clients: WebSocketServer;
  private readonly target: string;

  private constructor(clients: WebSocketServer, target: string) {
    this.clients = clients;
    this.target = target;
    clients.on('connection', (client) => this.join(client));
  }

  static async before(target: string): Promise<Middlebox> {
    const clients = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(clients, 'listening');
    return new Middlebox(clients, target);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.clients.address() as AddressInfo).port}`;
  }

  async dispose(): Promise<void> {
    for (const client of this.connections) client.terminate();
    await new Promise((resolve) => this.clients.close(resolve));
  }

  private join(client: WebSocket): void {
    const server = new WebSocket(this.target, client.protocol);
    this.connections.add(client);
    const early: [RawData, boolean][] = [];
    const keep = (data: RawData, binary: boolean): void => void early.push([data, binary]);
    client.on('message', keep);
    server.on('open', () => {
      client.off('message', keep);
      for (const [data, binary] of early) this.pass(data, binary, true, client, server);
      client.on('message', (data, binary) => this.pass(data, binary, true, client, server));
    });
    server.on('message', (data, binary) => this.pass(data, binary, false, client, server));
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.connections.delete(client);
        client.terminate();
        server.terminate();
      });
    }
  }

  private pass(data: RawData, binary: boolean, up: boolean, client: WebSocket, server: WebSocket): void {
    const fate = this.rule({ up, binary, message: data as Buffer });
    if (fate === 'close') return client.terminate();
    for (const message of fate) (up ? server : client).send(message, { binary });
  }
}

/** A path in front of a real server that can break anywhere in what it carries. */
export class BreakablePath {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private left = Number.POSITIVE_INFINITY;

  private constructor(server: Server, target: { host: string; port: number }) {
    this.server = server;
    server.on('connection', (client) => {
      const upstream = connect(target);
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(upstream);
      upstream.on('data', (data) => this.down(data, client));
    });
  }

  static async before(target: string): Promise<BreakablePath> {
    const { hostname, port } = new URL(target);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BreakablePath(server, { host: hostname, port: Number(port) });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Breaks the connection that brings the byte after so many more from the server, wherever in a frame that is. */
  breakAfter(bytes: number): void {
    this.left = bytes;
  }

  async dispose(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private down(data: Buffer, client: Socket): void {
    const passed = data.subarray(0, this.left);
    this.left -= passed.length;
    client.write(passed);
    if (passed.length === data.length) return;
    this.left = Number.POSITIVE_INFINITY;
    client.destroySoon();
  }
}
