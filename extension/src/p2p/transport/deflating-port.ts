import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Emitter } from '../../shared/events.ts';
import type { MessagePort } from './message-port.ts';
import { STREAM_WINDOW_BYTES } from './stream-message.ts';

/** Before a deflated message (RFC 1951); others go as they are. Not a type of `stream-message.ts`, which is all that this port is for. */
const DEFLATED = 0x7f;
const MIN_BYTES = 512;
const SAMPLES = 256;
/**
 * Of 256 random bytes, 162 are different on average and fewer than 130 next to never; text has some 60. So what SSH has encrypted, which is
 * nearly everything, costs a glance.
 */
const MAX_DIFFERENT = 120;

/** Compresses the messages for which that pays, on a port where every byte costs more than the compression does. */
export function deflatingPort(port: MessagePort): MessagePort {
  const messages = new Emitter<Uint8Array>();
  port.onMessage((message) =>
    messages.fire(message[0] === DEFLATED ? inflated(message, port.maxMessageBytes) : message),
  );
  return {
    maxMessageBytes: port.maxMessageBytes,
    lowWaterBytes: port.lowWaterBytes,
    onLow: port.onLow,
    onMessage: messages.event,
    onClosed: port.onClosed,
    get queuedBytes() {
      return port.queuedBytes;
    },
    get windowBytes() {
      return port.windowBytes ?? STREAM_WINDOW_BYTES;
    },
    send: (message) => port.send(deflated(message) ?? message),
    close: () => port.close(),
  };
}

/** Undefined when it does not pay. */
function deflated(message: Uint8Array): Buffer | undefined {
  if (message.length < MIN_BYTES || differentBytes(message) > MAX_DIFFERENT) return undefined;
  const small = deflateRawSync(message, { level: 1 });
  return small.length + 1 < message.length * 0.9 ? Buffer.concat([Buffer.of(DEFLATED), small]) : undefined;
}

/** Nothing, which no stream takes for a message, when it does not inflate or to more than a message may have. */
function inflated(message: Uint8Array, maxOutputLength: number): Buffer {
  try {
    return inflateRawSync(message.subarray(1), { maxOutputLength });
  } catch {
    return Buffer.alloc(0);
  }
}

/** In samples from all over the message. */
function differentBytes(message: Uint8Array): number {
  const seen = new Uint8Array(256);
  const step = Math.max(1, Math.floor(message.length / SAMPLES));
  let different = 0;
  for (let i = 0, at = 0; i < SAMPLES && at < message.length; i++, at += step) {
    const byte = message[at] ?? 0;
    if (seen[byte] === 0) different += 1;
    seen[byte] = 1;
  }
  return different;
}
