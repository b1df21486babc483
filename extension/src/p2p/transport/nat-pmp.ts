import { createSocket, type Socket } from 'node:dgram';
import { PeerweaveError } from '../../shared/errors.ts';

/**
 * NAT-PMP (RFC 6886), which most home routers speak: one request, one answer, over UDP.
 *
 *     → version(0) ‖ 0 (public address)                           ← version ‖ 128 ‖ result:u16 ‖ epoch:u32 ‖ address:4
 *     → version(0) ‖ 2 (TCP) ‖ 0:u16 ‖ inner:u16 ‖ outer:u16 ‖ seconds:u32
 *                                                     ← version ‖ 130 ‖ result:u16 ‖ epoch:u32 ‖ inner:u16 ‖ outer:u16 ‖ seconds:u32
 */
export const NAT_PMP_PORT = 5351;
const PUBLIC_ADDRESS = 0;
const MAP_TCP = 2;
const ANSWER = 128;
const ADDRESS_ANSWER_BYTES = 12;
const MAP_ANSWER_BYTES = 16;
/** RFC 6886 §3.1: the first wait, doubled each time. Nine times are 64 s; who has not answered in four has no NAT-PMP. */
const FIRST_WAIT_MS = 250;
const TRIES = 4;

const RESULTS = [
  '',
  'it does not speak this version',
  'it does not allow it',
  'it has no address itself',
  'it has no ports left',
  'it cannot do this',
];

export interface PmpGateway {
  readonly host: string;
  readonly port: number;
}

export interface PmpMapping {
  readonly outerPort: number;
  /** For which the gateway keeps it unless asked again. */
  readonly seconds: number;
}

/** The address of the gateway on the other network, `203.0.113.7`. Throws `unreachable` or `cancelled`. */
export async function pmpPublicAddress(gateway: PmpGateway, signal?: AbortSignal): Promise<string> {
  const request = Buffer.from([0, PUBLIC_ADDRESS]);
  const answer = await ask(gateway, request, ADDRESS_ANSWER_BYTES, signal);
  return [...answer.subarray(8, 12)].join('.');
}

/**
 * Lets TCP connections in to `port` of this machine, from `outerPort` if that is free and from another one if not; for no `seconds` at all, it
 * does no longer. Throws `unreachable` or `cancelled`.
 */
export async function pmpMap(
  gateway: PmpGateway,
  { port, outerPort, seconds }: { port: number; outerPort: number; seconds: number },
  signal?: AbortSignal,
): Promise<PmpMapping> {
  const request = Buffer.alloc(12);
  request.writeUInt8(MAP_TCP, 1);
  request.writeUInt16BE(port, 4);
  request.writeUInt16BE(outerPort, 6);
  request.writeUInt32BE(seconds, 8);
  const answer = await ask(gateway, request, MAP_ANSWER_BYTES, signal);
  return { outerPort: answer.readUInt16BE(10), seconds: answer.readUInt32BE(12) };
}

function ask(gateway: PmpGateway, request: Buffer, bytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const socket = createSocket('udp4');
    let timer: NodeJS.Timeout | undefined;
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.close();
      outcome();
    };
    const onAbort = (): void => settle(() => reject(cancelled()));
    const fail = (why: string): void => settle(() => reject(refused(gateway, why)));
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', ({ message }) => fail(message));
    // Connected, a socket hears of nobody else, and hears when nothing listens there.
    socket.connect(gateway.port, gateway.host, () => repeat(0));
    const repeat = (count: number): void => {
      if (count === TRIES) return fail('it does not answer');
      send(socket, request);
      timer = setTimeout(() => repeat(count + 1), FIRST_WAIT_MS * 2 ** count);
    };
    socket.on('message', (answer) => {
      if (answer.length < 4 || answer[1] !== (request[1] ?? 0) + ANSWER) return;
      const result = answer.readUInt16BE(2);
      if (result !== 0) return fail(RESULTS[result] ?? `it says ${result}`);
      if (answer.length >= bytes) settle(() => resolve(answer));
    });
  });
}

/** What cannot be sent is as what was lost: asked again. */
const send = (socket: Socket, request: Buffer): void => socket.send(request, () => undefined);

const refused = ({ host }: PmpGateway, why: string): PeerweaveError =>
  new PeerweaveError('unreachable', `The router ${host} opens no port by NAT-PMP: ${why}.`);
const cancelled = (): PeerweaveError => new PeerweaveError('cancelled', 'Asking the router was cancelled.');
