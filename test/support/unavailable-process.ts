// Stands in for the WebRTC process on a machine that the native library does not exist for.
import { Socket } from 'node:net';
import { FrameWriter, PIPE_FD } from '../../extension/src/p2p/transport/webrtc-process/frame-pipe.ts';
import type { FromProcess } from '../../extension/src/p2p/transport/webrtc-process/wire.ts';

const pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
new FrameWriter<FromProcess>(pipe).say({ kind: 'unavailable', message: 'There is no WebRTC on this machine.' });
pipe.resume();
