import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TransportAddress } from './transport.ts';

const MAX_PORT = 65_535;
const ANY_HOST = new Set(['0.0.0.0', '::', '']);

/** `192.0.2.7:4711`, or `[2001:db8::7]:4711` for IPv6 (RFC 3986 §3.2.2). */
export function formatTcpAddress(host: string, port: number): TransportAddress {
  return { tier: 'tcp', value: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}` };
}

/** Undefined when `value` is no `host:port` or `[v6]:port` with a port from 1 to 65,535. */
export function parseTcpAddress(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^\s:[\]/]+)):(?<port>\d{1,5})$/.exec(value);
  const { v6, host, port } = match?.groups ?? {};
  const number = Number(port);
  if (!match || number < 1 || number > MAX_PORT) return undefined;
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port: number } : undefined;
  return host === undefined ? undefined : { host, port: number };
}

/**
 * Where others reach a listener bound to `bound`. For a listener on all interfaces: each interface's address, best first, and
 * loopback last, so that an invite also works on the same machine. IPv6 link-local addresses need a zone that means nothing to
 * others, so they are left out.
 */
export function reachableAddresses(bound: string, port: number): TransportAddress[] {
  if (!ANY_HOST.has(bound)) return [formatTcpAddress(bound, port)];
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .filter(({ family }) => family === 'IPv4' || bound === '::')
    .sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'))
    .map(({ address }) => address);
  return [...external, '127.0.0.1'].map((host) => formatTcpAddress(host, port));
}
