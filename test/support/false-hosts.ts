import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tcpTransport } from '../../extension/src/p2p/transport/tcp.ts';
import { formatTcpAddress } from '../../extension/src/p2p/transport/tcp-address.ts';
import type { TransportAddress } from '../../extension/src/p2p/transport/transport.ts';

/** Servers at whose addresses there is no honest host, or not all of the time. */
export class FalseHosts {
  private readonly servers: Server[] = [];

  async serve(onSocket: (socket: Socket) => void): Promise<TransportAddress> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      onSocket(socket);
    }).listen(0, '127.0.0.1');
    this.servers.push(server);
    await once(server, 'listening');
    return formatTcpAddress('127.0.0.1', (server.address() as AddressInfo).port);
  }

  /** Leads to `target`, and dies after so many bytes in all. */
  cutAfter(target: TransportAddress, bytes: number): Promise<TransportAddress> {
    let left = bytes;
    return this.relay(target, (data, end) => {
      const passed = data.subarray(0, left);
      left -= passed.length;
      if (left === 0) setImmediate(end);
      return passed;
    });
  }

  /** Leads to `target`, and flips one bit after so many bytes in all. */
  meddling(target: TransportAddress, after: number): Promise<TransportAddress> {
    let left = after;
    return this.relay(target, (data) => {
      left -= data.length;
      if (left < 0 && left + data.length >= 0) data[data.length - 1]! ^= 1;
      return data;
    });
  }

  close(): void {
    for (const server of this.servers.splice(0)) server.close();
  }

  /** A relay between a dialer and `target`, each chunk passed through `pass`. */
  private relay(target: TransportAddress, pass: (data: Buffer, end: () => void) => Buffer): Promise<TransportAddress> {
    return this.serve((socket) => {
      void tcpTransport.dial(target).then(
        ({ stream }) => {
          const end = (): void => {
            socket.destroy();
            stream.destroy();
          };
          socket.on('data', (data) => stream.write(pass(data, end))).on('close', end);
          stream.on('data', (data: Buffer) => socket.write(pass(data, end))).on('close', end);
        },
        () => socket.destroy(),
      );
    });
  }
}
