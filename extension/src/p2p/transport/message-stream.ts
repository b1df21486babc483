import type { Duplex } from 'node:stream';
import type { MessagePort } from './message-port.ts';

/**
 * A byte stream over a message port, as `Pipe.stream` promises it: ordered, with half-close and with backpressure from reader to writer.
 */
export function messageStream(port: MessagePort): Duplex {
  throw new Error(`to be written for ${port.maxMessageBytes}`);
}
