import { decodeId, MAX_RELAY_DATA_BYTES, relayHeader } from '../signaling/wire/relay-frame.ts';
import type { FrameCodec } from './meeting-channel.ts';
import { MeetingTransport, type MeetingTransportOptions } from './meeting-transport.ts';

/** Frames as binary WebSocket messages (`relay-frame.ts`). */
export const binaryFrames: FrameCodec = {
  maxFrameBytes: MAX_RELAY_DATA_BYTES,
  encode: ({ session, self }, sequence, parts) =>
    Buffer.concat([relayHeader(decodeId(session), decodeId(self), sequence), ...parts]),
};

/** The tier for peers that find no way to each other but through the server. */
export const relayTransport = (options: MeetingTransportOptions): MeetingTransport =>
  new MeetingTransport({ tier: 'relay', codec: binaryFrames, wrap: (port) => port }, options);
