// An engine that wants WebRTC when it cannot open one more file. Says what it is told.
import { closeSync, openSync } from 'node:fs';
import { WebRtcProcess } from '../../extension/src/p2p/transport/webrtc-process.ts';
import { messageOf } from '../../extension/src/shared/errors.ts';

const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // Now all are taken.
}
let told = 'nothing';
try {
  new WebRtcProcess().open({ servers: { stun: undefined, turn: [] }, relayOnly: false });
} catch (error) {
  told = messageOf(error);
}
for (const file of files) closeSync(file);
console.log(told);
