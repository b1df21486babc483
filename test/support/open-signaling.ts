import { openSignalingSocket } from '../../extension/src/p2p/signaling/signaling-socket.ts';
import { messageOf } from '../../extension/src/shared/errors.ts';

/** Says whether the signaling server at the URL that is the first argument can be connected to from this environment. */
try {
  const socket = await openSignalingSocket(new URL(process.argv[2]!));
  console.log('open');
  socket.terminate();
} catch (error) {
  console.log(messageOf(error));
}
