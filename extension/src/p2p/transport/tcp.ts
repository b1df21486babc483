import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { disposable } from '../../shared/disposable.ts';
import { messageOf, PeerweaveError } from '../../shared/errors.ts';
import { formatTcpAddress, parseTcpAddress, reachableAddresses } from './tcp-address.ts';
import type { DialOptions, Listener, ListenOptions, Pipe, Transport, TransportAddress } from './transport.ts';

const DIAL_TIMEOUT_MS = 10_000;
/** The kernel's probes notice a dead path under an idle socket; ours (LI9) are faster but need the process awake. */
const KEEPALIVE_DELAY_MS = 15_000;
/** Connections the kernel holds while we are busy; each costs us nothing until accepted. */
const BACKLOG = 64;

/** The tier for peers that can reach each other's address directly. */
export const tcpTransport: Transport = { tier: 'tcp', dial, listen };

function dial(address: TransportAddress, { signal, timeoutMs = DIAL_TIMEOUT_MS }: DialOptions = {}): Promise<Pipe> {
  return new Promise((resolve, reject) => {
    const target = parseTcpAddress(address.value);
    if (!target) return reject(new PeerweaveError('unreachable', `"${address.value}" is no host:port address.`));
    if (signal?.aborted) return reject(cancelled());

    const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      outcome();
    };
    const fail = (error: PeerweaveError): void =>
      settle(() => {
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      });
    const onAbort = (): void => fail(cancelled());
    const onError = (error: Error): void =>
      fail(new PeerweaveError('unreachable', `${address.value} does not answer: ${error.message}`, { cause: error }));
    const timer = setTimeout(
      () => fail(new PeerweaveError('unreachable', `${address.value} did not answer in ${timeoutMs / 1000} s.`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => settle(() => resolve(pipeOver(socket))));
  });
}

async function listen({ host, port = 0, onPipe, onError }: ListenOptions): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    onPipe(pipeOver(socket));
  });
  await bind(server, host, port);
  server.on('error', (error) => onError?.(error));
  const bound = server.address() as AddressInfo;
  return {
    // Asked for anew each time: the machine may be in another network by then.
    get addresses() {
      return reachableAddresses(bound.address, bound.port);
    },
    // Pipes that were accepted live on; only new ones are refused.
    ...disposable(() => server.close()),
  };
}

function bind(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(
        new PeerweaveError('unreachable', `Cannot listen on ${host ?? 'any interface'}:${port}: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    server.once('error', onError);
    server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function pipeOver(socket: Socket): Pipe {
  socket.setKeepAlive(true, KEEPALIVE_DELAY_MS);
  // A reset always also closes the stream, which is what the link watches; without a listener it would end the process.
  socket.on('error', () => undefined);
  const { remoteAddress = 'unknown', remotePort = 0 } = socket;
  return {
    stream: socket,
    route: 'tcp',
    remote: formatTcpAddress(remoteAddress.replace(/^::ffff:/, ''), remotePort).value,
  };
}

const cancelled = (): PeerweaveError => new PeerweaveError('cancelled', 'The connection attempt was cancelled.');
