import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { PeerweaveError } from '../extension/src/shared/errors.ts';

/** What a request may take before it is one: headers of 8 KiB. */
const HEADER_BYTES = 8 * 1024;
const KEEP_ALIVE_MS = 5_000;

export type Routes = Readonly<Record<string, (response: ServerResponse) => void | Promise<void>>>;

/** An HTTP server for a few GET routes, which whoever sends slowly cannot keep busy: a request is there in `timeoutMs` or never. */
export function httpServer(routes: Routes, timeoutMs: number): Server {
  const options = {
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.min(1_000, timeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  return createServer(options, (request, response) => {
    const route = routes[(request.url ?? '').replace(/\?.*$/, '')];
    if (request.method !== 'GET' || route === undefined) return respond(response, 404, 'Nothing is here.\n');
    void route(response);
  });
}

export function respond(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

/** Answers a request for a WebSocket with an error, and ends its connection. */
export function refuseUpgrade(socket: Duplex, status: number, body: string): void {
  socket.on('error', () => undefined);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy());
}

/** Resolves to the port. Throws `bad-request` when the address cannot be had. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      const message = `Cannot listen at ${host}:${port}: ${cause.message}. Choose another with --host and --port.`;
      reject(new PeerweaveError('bad-request', message, { cause }));
    });
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Whether a page in a browser may come: other clients send no `Origin`, and browsers always do (RFC 6455, section 10.2). */
export function isAllowedOrigin(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  return origin === undefined || allowed.includes('*') || allowed.includes(origin);
}

/** Stops listening, and resolves when every connection is closed: those that are not by then after `graceMs`. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
