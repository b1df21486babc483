import { execFileSync } from 'node:child_process';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:tls';
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { SIGNALING_SUBPROTOCOL } from '../../extension/src/p2p/signaling/wire/messages.ts';

/** Servers on free ports of this machine that are no good signaling servers, and their end. */
export class OddServers {
  private readonly closers: (() => void)[] = [];

  /** Accepts connections and does with them what `onSocket` does. Resolves to the port. */
  async tcp(onSocket: (socket: Socket) => void): Promise<number> {
    return this.listen(createServer((socket) => this.keep(socket, onSocket)));
  }

  async http(onRequest: RequestListener): Promise<number> {
    return this.listen(this.track(createHttpServer(onRequest)));
  }

  /** Says to each client what `onClient` says. */
  async webSocket(onClient: (socket: WebSocket) => void, protocol: string = SIGNALING_SUBPROTOCOL): Promise<number> {
    const http = this.track(createHttpServer());
    const server = new WebSocketServer({ server: http, handleProtocols: () => protocol });
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      onClient(socket);
    });
    return this.listen(http);
  }

  /** The plain server at `port`, behind TLS with that certificate. */
  async tls({ key, cert }: Certificate, port: number): Promise<number> {
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (outside) =>
      this.keep(outside, () => {
        const inside = connect(port, '127.0.0.1');
        this.keep(inside, () => outside.pipe(inside).pipe(outside));
        outside.once('close', () => inside.destroy());
      }),
    );
    server.on('tlsClientError', () => undefined);
    return this.listen(server);
  }

  /** An HTTP proxy that tunnels what `decide` gives no other answer to; with the answer `silence` it says nothing. */
  async proxy(decide: (request: IncomingMessage) => string | undefined): Promise<number> {
    const server = this.track(createHttpServer());
    server.on('connect', (asked: IncomingMessage, client: Duplex, head: Buffer) => {
      client.on('error', () => undefined);
      const answer = decide(asked);
      if (answer === 'silence') return;
      if (answer !== undefined) return void client.end(`HTTP/1.1 ${answer}\r\n\r\n`);
      const { hostname, port } = new URL(`http://${asked.url}`);
      const target = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
      this.keep(target, () => {
        target.once('connect', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
        target.write(head);
        client.pipe(target).pipe(client);
        client.once('close', () => target.destroy());
      });
    });
    return this.listen(server);
  }

  dispose(): void {
    for (const close of this.closers.splice(0)) close();
  }

  private track(server: Server): Server {
    server.on('connection', (socket: Socket) => this.keep(socket, () => undefined));
    return server;
  }

  private keep(socket: Socket, use: (socket: Socket) => void): void {
    socket.on('error', () => undefined);
    this.closers.push(() => socket.destroy());
    use(socket);
  }

  private async listen(server: TcpServer): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }
}

/** Paths of PEM files. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for `name` (`DNS:localhost`, `IP:127.0.0.1`), made by openssl in `folder`. */
export function selfSigned(folder: string, name: string, days = 1): Certificate {
  const [key, cert] = [join(folder, `${days}.key`), join(folder, `${days}.pem`)];
  const subject = ['-subj', '/CN=peerweave-test', '-addext', `subjectAltName=${name}`];
  const type = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const args = ['req', '-x509', ...type, '-keyout', key, '-out', cert, '-days', String(days), ...subject];
  execFileSync('openssl', args, { stdio: 'pipe' });
  return { key, cert };
}

/** A port of this machine at which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
