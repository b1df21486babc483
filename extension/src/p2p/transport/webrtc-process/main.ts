import { isIPv6, Socket } from 'node:net';
import { asPeerweaveError, messageOf } from '../../../shared/errors.ts';
import { WebRtcConnection } from './connection.ts';
import { frameReader, FrameWriter, PIPE_FD } from './frame-pipe.ts';
import { loadWebRtc } from './native.ts';
import { TurnBridge } from './turn-bridge.ts';
import {
  MAX_CHANNEL_MESSAGE_BYTES,
  type ConnectionCommand,
  type ConnectionEvent,
  type ConnectionOptions,
  type FromProcess,
  type ToProcess,
} from './wire.ts';

/**
 * The process that WebRTC runs in, one an engine. Its native library has locks that two of its threads may take in opposite order, and
 * readers for whatever comes from a network: when it hangs or crashes, this process is what is lost, and links move to another tier.
 */

/** What peers are told of our end, when the engine ends without a word. */
const FAREWELL_MS = 300;
/** Read at once: more than a pipe holds on any system. */
const READ_BYTES = 256 * 1024;

/** Held here as long as they live: the library's callbacks alone keep nothing from being collected as garbage. */
const connections = new Map<number, WebRtcConnection>();
/** Commands for connections that are being made. */
const waiting = new Map<number, ConnectionCommand[]>();

/** The library copies what it is given before it returns, so one piece of memory takes all that is read, and one all that came in parts. */
const memory = { read: Buffer.allocUnsafeSlow(READ_BYTES), parts: Buffer.allocUnsafeSlow(MAX_CHANNEL_MESSAGE_BYTES) };
const reader = frameReader<ToProcess>(
  { control: hear, data: (id, message) => connections.get(id)?.send(message) },
  memory.parts,
);
const pipe = new Socket({
  fd: PIPE_FD,
  readable: true,
  writable: true,
  onread: {
    buffer: memory.read,
    callback: (bytes) => {
      reader.push(memory.read.subarray(0, bytes));
      return true;
    },
  },
});
const writer = new FrameWriter<FromProcess>(pipe);

function hear(message: ToProcess): void {
  switch (message.kind) {
    case 'open':
      void open(message.id, message.options);
      return;
    case 'command':
      return handle(message.id, message.command);
    case 'ping':
      for (const connection of connections.values()) connection.touch();
      return writer.say({ kind: 'pong' });
  }
}

async function open(id: number, options: ConnectionOptions): Promise<void> {
  const tell = (event: ConnectionEvent): void => {
    if (event.kind === 'ended') connections.delete(id);
    writer.say({ kind: 'event', id, event });
  };
  const pass = (message: Uint8Array, gone: () => void): void => writer.send(id, message, gone);
  waiting.set(id, []);
  try {
    const library = await loadWebRtc();
    const connection = new WebRtcConnection({ library, options, bridges: await openBridges(options), tell, pass });
    connections.set(id, connection);
    for (const command of waiting.get(id) ?? []) connection.handle(command);
  } catch (error) {
    const { reason, message } = asPeerweaveError(error, 'unreachable');
    tell({ kind: 'ended', failure: { reason, message } });
  } finally {
    waiting.delete(id);
  }
}

function openBridges({ servers, bindAddress, ca }: ConnectionOptions): Promise<TurnBridge[]> {
  // A socket of all interfaces reaches both; one that is bound to an address only what has the same family.
  const host = isIPv6(bindAddress ?? '') ? '::1' : '127.0.0.1';
  const bridged = servers.turn.filter(({ transport }) => transport !== 'udp');
  return Promise.all(bridged.map((server) => TurnBridge.open(server, { host, ca })));
}

function handle(id: number, command: ConnectionCommand): void {
  const early = waiting.get(id);
  if (early === undefined) connections.get(id)?.handle(command);
  else early.push(command);
}

// A signal to the group, as from a terminal, is for the engine: what it has to say to peers still goes through here.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
pipe.on('error', () => undefined);
pipe.on('close', () => {
  for (const connection of connections.values()) connection.dispose();
  setTimeout(() => process.exit(), FAREWELL_MS);
});

loadWebRtc().catch((error: unknown) => writer.say({ kind: 'unavailable', message: messageOf(error) }));
