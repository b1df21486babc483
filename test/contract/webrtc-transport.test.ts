import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { MemoryRoom } from '../support/memory-room.ts';
import { describeTransportContract } from './transport-contract.ts';

describeTransportContract('webrtc', async () => {
  const room = new MemoryRoom();
  const [near, far] = [room.join(), room.join()];
  const dialer = webrtcTransport(near, { log: silentLogger });
  const listener = webrtcTransport(far, { log: silentLogger });
  return {
    // A room does not introduce a connection to itself.
    transport: {
      ...dialer,
      tier: 'webrtc',
      dial: (...args) => dialer.dial(...args),
      listen: (...args) => listener.listen(...args),
    },
    nobody: async () => ({ tier: 'webrtc', value: 'A'.repeat(22) }),
    malformed: { tier: 'webrtc', value: 'somebody' },
    dispose: async () => {
      near.dispose();
      far.dispose();
    },
  };
});
