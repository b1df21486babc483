import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { bareHost, portOf } from './proxy.ts';

/** The proxy answered something other than 2xx. */
export class ProxyRefusedError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`The proxy answered ${status}.`);
    this.status = status;
  }
}

/**
 * A connection to `target` through `proxy`, by HTTP CONNECT (RFC 9110 §9.3.6), which serves plain and encrypted WebSockets alike. Rejects
 * with what went wrong on the way, with `ProxyRefusedError`, or when `signal` fires; leaves no connection behind then.
 */
export function openTunnel(proxy: URL, target: URL, signal: AbortSignal): Promise<Socket> {
  const authority = `${target.hostname}:${portOf(target)}`;
  const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    method: 'CONNECT',
    host: bareHost(proxy.hostname),
    port: portOf(proxy),
    path: authority,
    headers: { host: authority, ...authorisation(proxy) },
    agent: false,
    signal,
  });
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode = 0 }, socket, head) => {
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        return resolve(socket);
      }
      socket.destroy();
      reject(new ProxyRefusedError(statusCode));
    });
    request.once('error', reject);
    request.end();
  });
}

function authorisation({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
