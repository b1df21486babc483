import { MAX_DATA_LENGTH } from '../signaling/wire/messages.ts';
import { deflatingPort } from './deflating-port.ts';
import type { FrameCodec } from './meeting-channel.ts';
import { MeetingTransport, type MeetingTransportOptions } from './meeting-transport.ts';

/** Frames as `data` messages. Ids and base64 need no escapes, so that the text is put together by hand: it is most of the work. */
const textFrames: FrameCodec = {
  maxFrameBytes: (MAX_DATA_LENGTH / 4) * 3,
  encode: ({ session, self }, sequence, parts) =>
    `{"type":"data","session":"${session}","peer":"${self}","sequence":${sequence},"data":"${Buffer.concat(parts).toString('base64')}"}`,
};

/** The tier for peers behind something that takes no binary WebSocket frames. */
export const jsonTransport = (options: MeetingTransportOptions): MeetingTransport =>
  new MeetingTransport({ tier: 'json', codec: textFrames, wrap: deflatingPort }, options);
