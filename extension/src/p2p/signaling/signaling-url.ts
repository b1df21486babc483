import { BlockList, isIP } from 'node:net';
import { PeerweaveError } from '../../shared/errors.ts';

const MAX_URL_LENGTH = 300;

/** `text` as the URL of a signaling server. Throws `bad-request` with what to write instead. */
export function parseSignalingUrl(text: string): URL {
  const url = text.length <= MAX_URL_LENGTH ? parse(text) : undefined;
  if (url?.protocol !== 'ws:' && url?.protocol !== 'wss:') {
    throw new PeerweaveError(
      'bad-request',
      'A signaling URL looks like wss://signal.example.org or ws://127.0.0.1:4711.',
    );
  }
  url.hash = '';
  return url;
}

/** The URL as people and logs may see it: no credentials, and no query, which may carry some. */
export function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`;
}

/**
 * The URL at which a server tells us to meet somebody, or undefined when it is not to be followed: no server may take us from an encrypted
 * connection to a plain one, give us credentials to present, or point one that is out in the world at this machine or its network.
 */
export function meetingUrl(text: string, own: URL): URL | undefined {
  const url = text.length <= MAX_URL_LENGTH ? parse(text) : undefined;
  if (url?.protocol !== 'ws:' && url?.protocol !== 'wss:') return undefined;
  if (own.protocol === 'wss:' && url.protocol !== 'wss:') return undefined;
  if (url.username !== '' || url.password !== '' || url.hash !== '') return undefined;
  if (isPrivateHost(url.hostname) && !isPrivateHost(own.hostname)) return undefined;
  return url;
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Loopback, private, link-local and unspecified addresses (RFC 6890), and the names of this machine (RFC 6761). */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(host) === 4) return PRIVATE.check(host, 'ipv4');
  if (isIP(host) === 6) return PRIVATE.check(host, 'ipv6');
  return /(^|\.)(localhost|local|internal)\.?$/.test(host);
}

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}
