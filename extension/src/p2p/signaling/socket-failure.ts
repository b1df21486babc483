import { messageOf, PeerweaveError } from '../../shared/errors.ts';

/** Where a connection was to go, in words that may be shown: never with credentials. */
export interface Destination {
  readonly server: string;
  readonly host: string;
  /** The proxy on the way, if there is one. */
  readonly proxy: string | undefined;
}

/** The HTTP status to which an attempt came, and whose it is. */
export interface HttpAnswer {
  readonly status: number;
  readonly by: 'server' | 'proxy';
}

/** What became of the attempt to open a WebSocket, as an error that says what to do. Nothing that the server wrote is in it. */
export function socketFailure(error: unknown, destination: Destination): PeerweaveError {
  const { server, proxy } = destination;
  const via = proxy === undefined ? '' : ` through the proxy ${proxy}`;
  const [, hint] = HINTS.find(([pattern]) => pattern.test(`${codeOf(error)} ${messageOf(error)}`)) ?? [];
  const why = hint?.(destination) ?? `the connection failed (${codeOf(error) || 'no further reason'}).`;
  return new PeerweaveError('signaling-unreachable', `Cannot reach the signaling server ${server}${via}: ${why}`, {
    cause: error,
  });
}

/** What an HTTP answer in place of a WebSocket means. */
export function httpFailure({ status, by }: HttpAnswer, { server, proxy = 'on the way' }: Destination): PeerweaveError {
  const unreachable = (why: string): PeerweaveError =>
    new PeerweaveError('signaling-unreachable', `Cannot use the signaling server ${server}: ${why}`);
  if (status === 407) return unreachable(`the proxy ${proxy} wants a name and a password. Put them into HTTPS_PROXY.`);
  if (by === 'proxy') {
    return unreachable(
      `the proxy ${proxy} does not let it through (HTTP ${status}). Ask its operator, or name the server in NO_PROXY.`,
    );
  }
  if (status === 401 || status === 403) {
    const message = `The signaling server ${server} lets nobody in without permission (HTTP ${status}). Ask its operator for a token.`;
    return new PeerweaveError('signaling-refused', message);
  }
  if (status === 429) {
    const message = `The signaling server ${server} takes no more connections from this network for now. Wait a minute.`;
    return new PeerweaveError('rate-limited', message);
  }
  if (status >= 300 && status < 400) {
    return unreachable(`it redirects elsewhere (HTTP ${status}), which is not followed. Ask for its final address.`);
  }
  if (status >= 500) return unreachable(`it is out of order or restarting (HTTP ${status}). Trying again may help.`);
  return unreachable(
    `a web server answers there (HTTP ${status}), but no signaling server. Check the address and its path.`,
  );
}

type Hint = (destination: Destination) => string;

/** By the codes of Node, OpenSSL and `ws`; messages only where there is no code. */
const HINTS: readonly (readonly [RegExp, Hint])[] = [
  [
    /ENOTFOUND|EAI_AGAIN|EAI_/,
    ({ host }) => `the name ${host} is not known. Check its spelling and your network connection.`,
  ],
  [/ECONNREFUSED/, () => 'nothing listens there. Check the port, and whether the server runs.'],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENETDOWN/, () => 'there is no way to it from this network.'],
  [/ETIMEDOUT|timed out/, () => 'it does not answer. A firewall may be in the way.'],
  [/CERT_HAS_EXPIRED/, () => 'its certificate has expired. Tell its operator.'],
  [/CERT_NOT_YET_VALID/, () => 'its certificate is not valid yet. Check the clock of this computer.'],
  [/ALTNAME_INVALID/, ({ host }) => `its certificate is not for ${host}. Check the address.`],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/,
    () =>
      'its certificate is not from an authority that this computer trusts. If it is your own, name it in NODE_EXTRA_CA_CERTS.',
  ],
  [/CERT_|ERR_TLS/, () => 'its certificate is not valid.'],
  [
    /EPROTO|ERR_SSL|SSL routines/,
    ({ server }) => `no encrypted connection comes about. Is it ${server.replace(/^wss/, 'ws')} instead?`,
  ],
  [/HPE_|Parse Error|Sec-WebSocket|subprotocol|Unexpected server response|Invalid Upgrade/i, notSignaling],
  [
    /ECONNRESET|EPIPE|socket hang up|disconnected before secure/,
    () => 'it closed the connection at once. Check the address, and whether it is ws or wss.',
  ],
];

function notSignaling(): string {
  return 'something answers there that is no signaling server. Check the address and the port.';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
