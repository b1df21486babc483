import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SIGNALING_SUBPROTOCOL } from '../../extension/src/p2p/signaling/wire/messages.ts';

/** TCP to a `ws:` URL, with nothing said yet. */
export async function rawSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** The request for a WebSocket, as text. */
export const upgradeRequest = (headers: Readonly<Record<string, string>> = {}): string => {
  const all = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': SIGNALING_SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return ['GET / HTTP/1.1', ...lines, '', ''].join('\r\n');
};

/** TCP on which the WebSocket handshake is done and every further byte is the test's own. */
export async function rawWebSocket(url: string): Promise<Socket> {
  const socket = await rawSocket(url);
  socket.write(upgradeRequest());
  await once(socket, 'data');
  return socket;
}

export interface RawFrame {
  readonly opcode: number;
  readonly payload?: Buffer;
  readonly fin?: boolean;
  /** Instead of the payload's own. */
  readonly length?: number | bigint;
  readonly masked?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
}

/** A WebSocket frame (RFC 6455, section 5.2) with whatever is wrong about it; the mask is zero. */
export function rawFrame({ opcode, payload = Buffer.alloc(0), fin = true, masked = true, ...more }: RawFrame): Buffer {
  const length = BigInt(more.length ?? payload.length);
  const mask = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | ((more.reserved ?? 0) << 4) | opcode;
  let head: Buffer;
  if (length < 126n) head = Buffer.from([first, mask | Number(length)]);
  else if (length < 65_536n) head = Buffer.from([first, mask | 126, Number(length) >> 8, Number(length) & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(length, 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** Resolves when the other side has closed it. */
export async function untilClosed(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  socket.resume();
  // Not `once`, which would take a broken connection for a failure.
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
