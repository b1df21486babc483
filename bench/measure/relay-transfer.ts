import type { WebSocket } from 'ws';

/** As much as the tiers keep under way in one pipe. */
const WINDOW_BYTES = 512 * 1024;

/**
 * Sends `message` over and over until `bytes` have come out at `receiver`, as fast as they do and never more than a window ahead.
 * Resolves to the seconds that it took. Takes over both sockets' messages.
 */
export async function transfer(
  sender: WebSocket,
  receiver: WebSocket,
  message: Buffer | string,
  bytes: number,
): Promise<number> {
  const total = Math.ceil(bytes / message.length);
  const ahead = Math.max(1, Math.floor(WINDOW_BYTES / message.length));
  let sent = 0;
  let received = 0;
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    const send = (): void => {
      for (; sent < total && sent - received < ahead; sent++) sender.send(message);
    };
    receiver.removeAllListeners('message');
    receiver.on('message', () => {
      received++;
      if (received === total) resolve();
      else send();
    });
    for (const socket of [sender, receiver]) socket.once('close', () => reject(new Error('a connection was closed')));
    send();
  });
  return (performance.now() - started) / 1_000;
}
