import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  SIGNALING_SUBPROTOCOL,
  type ServerMessage,
  type ServerReason,
} from '../extension/src/p2p/signaling/wire/messages.ts';
import type { RateLimit } from '../extension/src/shared/rate-limit.ts';
import { groupOf, plainAddress, type Addresses, type TrustedProxies } from './addresses.ts';
import { CLOSE_TIMEOUT_MS } from './connection.ts';
import { isAllowedOrigin, refuseUpgrade } from './http.ts';
import type { Metrics } from './metrics.ts';
import type { ServerLimits } from './options.ts';

/** More pieces than these no client of ours makes of a message, and each costs memory of its own. */
const MAX_FRAGMENTS = 64;
const MAX_CHUNKS = 1_024;
/** Sockets beside those of admitted clients: for probes, and for telling some of those who are too many that they are. */
const SPARE_SOCKETS = 100;
const SPARE_SOCKETS_OF_ADDRESS = 8;

export interface FrontDoorOptions {
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  readonly addresses: Addresses;
  readonly proxies: TrustedProxies;
  readonly allowOrigins: readonly string[];
  readonly isStopping: () => boolean;
  readonly onClient: (socket: WebSocket, raw: Duplex, joins: RateLimit) => void;
}

/** Decides who gets a WebSocket. Whoever does not is told why, as long as that costs little. */
export class FrontDoor {
  private readonly options: FrontDoorOptions;
  private readonly sockets: WebSocketServer;
  private readonly byAddress = new Map<string, number>();
  private inside = 0;
  private leaving = 0;

  constructor(server: Server, options: FrontDoorOptions) {
    this.options = options;
    const { limits } = options;
    const websocket = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: Math.max(limits.messageBytes, limits.frameBytes),
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: () => SIGNALING_SUBPROTOCOL,
    };
    this.sockets = new WebSocketServer(websocket);
    server.maxConnections = limits.connections + SPARE_SOCKETS;
    server.on('drop', () => options.metrics.dropped('server-full'));
    server.on('connection', (socket: Socket) => this.countSocket(socket));
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  /** Holds down how many sockets an address keeps that never become a request. */
  private countSocket(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    if (this.options.proxies.trusts(address)) return;
    const group = groupOf(address);
    const count = (this.byAddress.get(group) ?? 0) + 1;
    this.byAddress.set(group, count);
    socket.once('close', () => {
      const left = (this.byAddress.get(group) ?? 0) - 1;
      if (left > 0) this.byAddress.set(group, left);
      else this.byAddress.delete(group);
    });
    if (count <= this.options.limits.connectionsPerAddress + SPARE_SOCKETS_OF_ADDRESS) return;
    this.options.metrics.dropped('too-many-connections');
    socket.destroy();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { limits, metrics, addresses, proxies, allowOrigins, isStopping } = this.options;
    socket.on('error', () => undefined);
    if (isStopping()) return refuseUpgrade(socket, 503, 'This server is about to stop. Try again in a moment.\n');
    if (!isAllowedOrigin(request, allowOrigins)) {
      metrics.dropped('origin');
      return refuseUpgrade(socket, 403, 'Pages of this origin may not use this server.\n');
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(SIGNALING_SUBPROTOCOL)) {
      metrics.dropped('version');
      return refuseUpgrade(socket, 400, `This server speaks ${SIGNALING_SUBPROTOCOL}.\n`);
    }
    const use = addresses.enter(groupOf(proxies.clientOf(request)));
    if (use === undefined) return this.turnAway(request, socket, head, 'too-many-connections');
    // Tied to the socket, for the handshake may still fail.
    socket.once('close', use.leave);
    if (this.inside >= limits.connections) return this.turnAway(request, socket, head, 'server-full');
    this.inside++;
    socket.once('close', () => this.inside--);
    this.sockets.handleUpgrade(request, socket, head, (websocket) => {
      this.options.onClient(websocket, socket, use.joins);
    });
  }

  /** In the protocol's own words, because what an HTTP status says reaches nobody through most WebSocket libraries. */
  private turnAway(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    reason: 'too-many-connections' | 'server-full',
  ): void {
    this.options.metrics.dropped(reason);
    const message = TOO_MANY[reason];
    if (this.leaving >= SPARE_SOCKETS) return refuseUpgrade(socket, 503, `${message}\n`);
    this.leaving++;
    socket.once('close', () => this.leaving--);
    this.sockets.handleUpgrade(request, socket, head, (websocket) => {
      websocket.on('error', () => undefined);
      const error: ServerMessage = { type: 'error', reason, message, fatal: true };
      websocket.send(JSON.stringify(error));
      websocket.close(1013, reason);
    });
  }
}

const TOO_MANY = {
  'too-many-connections': 'Too many connections from this address. Close some, or try again later.',
  'server-full': 'This server is full. Try again later, or use another one.',
} as const satisfies Partial<Record<ServerReason, string>>;
