/**
 * What a relay costs that does nothing but relay: every message of the first connection goes to the second and back, and so on in
 * pairs. No rooms, no limits, no checks; the same library as the server's.
 *
 *     node bench/baseline/bare-relay.ts PORT
 */
import { WebSocketServer, type WebSocket } from 'ws';

const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false });
let waiting: WebSocket | undefined;
server.on('connection', (socket) => {
  const other = waiting;
  waiting = other === undefined ? socket : undefined;
  if (other === undefined) return;
  socket.on('message', (data, binary) => other.send(data as Buffer, { binary }));
  other.on('message', (data, binary) => socket.send(data as Buffer, { binary }));
});
