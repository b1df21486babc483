import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { nobodyInRoom, settled } from '../support/room-tier.ts';
import { SignalingLab } from '../support/signaling-lab.ts';
import { describeLinkContract } from './link-contract.ts';

describeLinkContract('webrtc', async () => {
  const lab = await SignalingLab.start();
  return {
    transport: () => {
      const { signaling } = lab.member();
      return settled(webrtcTransport(signaling, { log: silentLogger }), signaling);
    },
    nobody: async () => nobodyInRoom('webrtc'),
    dispose: () => lab.dispose(),
  };
});
