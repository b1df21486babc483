import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Disposable } from '../../../shared/disposable.ts';
import { messageOf } from '../../../shared/errors.ts';
import { Emitter } from '../../../shared/events.ts';
import type { TurnServer } from '../ice-servers.ts';
import { turnFrame, TurnStreamParser } from './turn-stream.ts';

/** Of datagrams that wait for the connection to be made: an allocation needs few, and asks again. */
const MAX_WAITING_BYTES = 16 * 1024;
/** Bytes in our queue to the server past which datagrams are dropped, as a router would: SCTP slows down then. */
const MAX_QUEUED_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

export interface TurnBridgeOptions {
  /** Where to be a server: 127.0.0.1, or ::1 for who speaks IPv6 only. */
  readonly host?: '127.0.0.1' | '::1';
  /** Certificate authorities in place of the trusted ones, in PEM. */
  readonly ca?: string | undefined;
}

/**
 * A TURN server on TCP or TLS, as a UDP server on this machine: libjuice speaks TURN over UDP only. Each datagram goes to the server on one
 * connection, and each message from there comes back as a datagram. What is said is not looked into; it is authenticated end to end.
 */
export class TurnBridge implements Disposable {
  readonly host: string;
  private readonly udp: UdpSocket;
  private readonly connection: Socket;
  private readonly parser = new TurnStreamParser();
  private readonly failed = new Emitter<void>();
  /** Whoever spoke first. Other processes of this machine can send to the port too. */
  private client: number | undefined;
  private waiting: Buffer[] | undefined = [];
  private closed = false;
  /** Why it does not work (any more), for people. */
  problem: string | undefined;
  /** The connection could not be made, or broke. */
  readonly onFailed = this.failed.event;

  /** Opens the local port; the connection to the server is made meanwhile. */
  static async open(server: TurnServer, { host = '127.0.0.1', ca }: TurnBridgeOptions = {}): Promise<TurnBridge> {
    const udp = createSocket(host === '::1' ? 'udp6' : 'udp4');
    udp.bind(0, host);
    await once(udp, 'listening');
    return new TurnBridge(udp, host, server, ca);
  }

  private constructor(udp: UdpSocket, host: string, server: TurnServer, ca: string | undefined) {
    this.host = host;
    const name = `${server.transport === 'tls' ? 'turns' : 'turn'}:${server.host}:${server.port}`;
    this.udp = udp;
    udp.on('message', (datagram, { port }) => this.toServer(datagram, port));
    udp.on('error', (error) => this.fail(`${name}: ${messageOf(error)}`));
    this.connection = open(server, ca);
    const ready = server.transport === 'tls' ? 'secureConnect' : 'connect';
    this.connection.once(ready, () => this.flush());
    this.connection.setTimeout(CONNECT_TIMEOUT_MS, () => this.fail(`${name} did not answer.`));
    this.connection.on('data', (chunk: Buffer) => this.fromServer(chunk, name));
    this.connection.on('error', (error) => this.fail(`${name}: ${messageOf(error)}`));
    this.connection.on('close', () => this.fail(`${name} closed the connection.`));
  }

  /** Where libjuice finds the server, at `host`. */
  get port(): number {
    return this.udp.address().port;
  }

  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    this.waiting = undefined;
    this.udp.close();
    this.connection.destroy();
    this.failed.dispose();
  }

  private toServer(datagram: Buffer, port: number): void {
    this.client ??= port;
    if (port !== this.client || this.closed) return;
    const frame = turnFrame(datagram);
    if (frame === undefined) return;
    if (this.waiting !== undefined) {
      const waiting = this.waiting.reduce((sum, { length }) => sum + length, frame.length);
      if (waiting <= MAX_WAITING_BYTES) this.waiting.push(frame);
    } else if (this.connection.writableLength < MAX_QUEUED_BYTES) {
      this.connection.write(frame);
    }
  }

  private fromServer(chunk: Buffer, name: string): void {
    if (this.closed) return;
    try {
      for (const datagram of this.parser.push(chunk)) {
        if (this.client !== undefined) this.udp.send(datagram, this.client, this.host);
      }
    } catch (error) {
      this.fail(`${name}: ${messageOf(error)}`);
    }
  }

  private flush(): void {
    this.connection.setTimeout(0);
    this.connection.setNoDelay(true);
    for (const frame of this.waiting ?? []) this.connection.write(frame);
    this.waiting = undefined;
  }

  private fail(problem: string): void {
    if (this.closed) return;
    this.problem = problem;
    this.failed.fire();
    this.dispose();
  }
}

function open({ host, port, transport }: TurnServer, ca: string | undefined): Socket {
  if (transport !== 'tls') return connect({ host, port });
  // A name in place of an address is checked against the certificate and told to the server (RFC 6066 §3 allows no addresses).
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }) });
}
