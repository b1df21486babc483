import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { MemoryRoom } from '../support/memory-room.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('webrtc', async () => {
  const room = new MemoryRoom();
  return {
    transport: () => webrtcTransport(room.join(), { log: silentLogger }),
    nobody: async () => ({ tier: 'webrtc', value: 'A'.repeat(22) }),
  };
});
