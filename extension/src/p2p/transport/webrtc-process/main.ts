import { isIPv6 } from 'node:net';
import { asPeerweaveError, messageOf } from '../../../shared/errors.ts';
import { WebRtcConnection } from './connection.ts';
import { loadWebRtc } from './native.ts';
import { TurnBridge } from './turn-bridge.ts';
import type { ConnectionCommand, ConnectionEvent, ConnectionOptions, FromProcess, ToProcess } from './wire.ts';

/**
 * The process that WebRTC runs in, one an engine. Its native library has locks that two of its threads may take in opposite order, and
 * readers for whatever comes from a network: when it hangs or crashes, this process is what is lost, and links move to another tier.
 */

/** What peers are told of our end, when the engine ends without a word. */
const FAREWELL_MS = 300;

/** Held here as long as they live: the library's callbacks alone keep nothing from being collected as garbage. */
const connections = new Map<number, WebRtcConnection>();
/** Commands for connections that are being made. */
const waiting = new Map<number, ConnectionCommand[]>();

const say = (message: FromProcess): void => {
  if (process.connected) process.send?.(message);
};

async function open(id: number, options: ConnectionOptions): Promise<void> {
  const tell = (event: ConnectionEvent): void => {
    if (event.kind === 'ended') connections.delete(id);
    say({ kind: 'event', id, event });
  };
  waiting.set(id, []);
  try {
    const library = await loadWebRtc();
    const connection = new WebRtcConnection({ library, options, bridges: await openBridges(options), tell });
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

process.on('message', (message: ToProcess) => {
  switch (message.kind) {
    case 'open':
      void open(message.id, message.options);
      return;
    case 'command':
      return handle(message.id, message.command);
    case 'ping':
      for (const connection of connections.values()) connection.touch();
      say({ kind: 'pong' });
  }
});

// A signal to the group, as from a terminal, is for the engine: what it has to say to peers still goes through here.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => {
  for (const connection of connections.values()) connection.dispose();
  setTimeout(() => process.exit(), FAREWELL_MS);
});

loadWebRtc().catch((error: unknown) => say({ kind: 'unavailable', message: messageOf(error) }));
