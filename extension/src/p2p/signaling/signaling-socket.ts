import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import tls, { type ConnectionOptions, type SecureContext } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';
import { PeerweaveError } from '../../shared/errors.ts';
import { openTunnel, ProxyRefusedError } from './proxy-tunnel.ts';
import { bareHost, proxyFor, type ProxyEnvironment } from './proxy.ts';
import { displayUrl } from './signaling-url.ts';
import { httpFailure, socketFailure, type Destination } from './socket-failure.ts';
import { MAX_MESSAGE_BYTES, SIGNALING_SUBPROTOCOL } from './wire/messages.ts';

export interface SocketOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for name, proxy, TLS and upgrade together. Default 10,000. */
  readonly timeoutMs?: number;
  /** Where the proxy is named. Default `process.env`. */
  readonly env?: ProxyEnvironment;
}

/** Opens WebSockets to signaling servers; `openSignalingSocket` or, in tests, something else. */
export type OpenSocket = (url: URL, options?: SocketOptions) => Promise<WebSocket>;

const DEFAULT_TIMEOUT_MS = 10_000;
/** For the other side to say goodbye. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Opens a WebSocket to a signaling server: through the environment's proxy if it names one; encrypted, trusting the authorities of Node, of the
 * system, and of `NODE_EXTRA_CA_CERTS`; following no redirect; with frames of 64 KiB at most and no compression (sealed bytes do not
 * compress, and it would let the server make us unpack bombs).
 *
 * Throws `signaling-unreachable`, `signaling-refused` or `rate-limited` with what to do about it, or `cancelled`. The socket already has a
 * listener for `error`, so that one which nobody watches yet cannot end the process, and reads nothing until it has one for `message`.
 */
export const openSignalingSocket: OpenSocket = async (url, options = {}) => {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, env = process.env } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  const proxy = proxyFor(url, env);
  const destination: Destination = {
    server: displayUrl(url),
    host: bareHost(url.hostname),
    proxy: proxy && `${proxy.protocol}//${proxy.host}`,
  };
  try {
    stop.throwIfAborted();
    return await upgrade(url, await wayTo(url, proxy, stop), stop, destination);
  } catch (error) {
    if (signal?.aborted) throw new PeerweaveError('cancelled', 'Connecting to the signaling server was cancelled.');
    if (error instanceof PeerweaveError) throw error;
    if (error instanceof ProxyRefusedError) throw httpFailure({ status: error.status, by: 'proxy' }, destination);
    throw socketFailure(deadline.aborted ? new Error('timed out', { cause: error }) : error, destination);
  }
};

/** Its types miss the newest option, and that it hands on what is meant for TLS. */
type Way = ClientOptions & ConnectionOptions & { readonly closeTimeout?: number };

/** What `ws` needs to know to connect: directly, or over a connection that a proxy has made. */
async function wayTo(url: URL, proxy: URL | undefined, signal: AbortSignal): Promise<Way> {
  const trust = url.protocol === 'wss:' ? { secureContext: trusted() } : {};
  if (proxy === undefined) return trust;
  const tunnel = await openTunnel(proxy, url, signal);
  const socket = url.protocol === 'wss:' ? await encrypt(tunnel, url, signal) : tunnel;
  return { createConnection: () => socket };
}

async function encrypt(tunnel: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
  const host = bareHost(url.hostname);
  const socket = tls.connect({
    socket: tunnel,
    host,
    secureContext: trusted(),
    ...(isIP(host) ? {} : { servername: host }),
  });
  try {
    await once(socket, 'secureConnect', { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    tunnel.destroy();
    throw error;
  }
}

function upgrade(url: URL, way: Way, signal: AbortSignal, destination: Destination): Promise<WebSocket> {
  const options: Way = {
    ...way,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  const socket = new WebSocket(url, SIGNALING_SUBPROTOCOL, options);
  return new Promise((resolve, reject) => {
    const abandon = (): void => socket.terminate();
    signal.addEventListener('abort', abandon, { once: true });
    if (signal.aborted) abandon();
    const settle = (run: () => void): void => {
      signal.removeEventListener('abort', abandon);
      run();
    };
    socket.once('open', () => settle(() => resolve(holdUntilHeard(socket))));
    socket.on('error', (error) => settle(() => reject(error)));
    socket.once('unexpected-response', (request, response) => {
      settle(() => reject(httpFailure({ status: response.statusCode ?? 0, by: 'server' }, destination)));
      // Whatever else it has to say is not read.
      request.destroy();
      socket.terminate();
    });
  });
}

/** What comes with the upgrade itself, as a server's refusal may, is read only once somebody listens for messages. */
function holdUntilHeard(socket: WebSocket): WebSocket {
  socket.pause();
  const hear = (event: string): void => {
    if (event !== 'message') return;
    socket.off('newListener', hear);
    // Reading begins in a later turn, when the listener is there.
    socket.resume();
  };
  return socket.on('newListener', hear);
}

let context: SecureContext | undefined;

/** The authorities of Node and of `NODE_EXTRA_CA_CERTS`, and of the system where Node can read them (22.15 and later). */
function trusted(): SecureContext {
  const { getCACertificates } = tls as Partial<typeof tls>;
  context ??= tls.createSecureContext(
    getCACertificates ? { ca: [...getCACertificates('default'), ...getCACertificates('system')] } : {},
  );
  return context;
}
