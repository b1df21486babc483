import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Command, Report } from './agent-protocol.ts';

/** Runs inside a namespace and does what `probe-agent.ts` tells it, until its standard input closes. */

const sockets = new Map<number, Socket>();
const report = (line: Report): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function obey(command: Command): void {
  const { id } = command;
  const failed = (error: Error | null): void => {
    if (error !== null) report({ event: 'failed', id, message: error.message });
  };
  switch (command.do) {
    case 'open': {
      const socket = createSocket({ type: `udp${command.version}`, ipv6Only: command.version === 6 });
      sockets.set(id, socket);
      socket.on('error', failed);
      socket.on('message', (text, { address, port }) => {
        report({ event: 'datagram', id, from: { address, port }, text: text.toString() });
      });
      socket.bind(command.port ?? 0, command.address, () => report({ event: 'open', id, at: socket.address() }));
      return;
    }
    case 'send':
      sockets.get(id)?.send(command.text, command.to.port, command.to.address, failed);
      return;
    case 'listen': {
      const server = createServer((socket) => {
        const { remoteAddress = '', remotePort = 0 } = socket;
        report({ event: 'connection', id, from: { address: remoteAddress, port: remotePort } });
        socket.on('error', () => undefined);
        socket.write('Welcome.\n');
      });
      server.on('error', failed);
      server.listen(command.at.port, command.at.address, () => report({ event: 'open', id, at: command.at }));
      return;
    }
    case 'connect': {
      const socket = connect(command.to.port, command.to.address);
      socket.on('error', failed);
      socket.once('data', () => report({ event: 'open', id }));
      return;
    }
    case 'echo':
      // After everything that was there to be read together with this.
      setImmediate(() => report({ event: 'open', id }));
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line) as Command))
  .on('close', () => process.exit());
