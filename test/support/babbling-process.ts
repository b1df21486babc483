// Stands in for a WebRTC process that does not keep to the frames it was agreed to speak in.
import { Socket } from 'node:net';
import { PIPE_FD } from '../../extension/src/p2p/transport/webrtc-process/frame-pipe.ts';

const pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
pipe.write(Buffer.alloc(8));
pipe.resume();
