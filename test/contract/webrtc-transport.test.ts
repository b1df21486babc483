import { webrtcTransport } from '../../extension/src/p2p/transport/webrtc.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { nobodyInRoom } from '../support/room-tier.ts';
import { SignalingLab } from '../support/signaling-lab.ts';
import { describeTransportContract } from './transport-contract.ts';

describeTransportContract('webrtc', async () => {
  const lab = await SignalingLab.start();
  const [near, far] = (await lab.joined(2)).map(({ signaling }) => webrtcTransport(signaling, { log: silentLogger }));
  return {
    // A room does not introduce a connection to itself.
    transport: {
      tier: 'webrtc',
      dial: (...args) => near!.dial(...args),
      listen: (...args) => far!.listen(...args),
    },
    nobody: async () => nobodyInRoom('webrtc'),
    malformed: { tier: 'webrtc', value: 'somebody' },
    dispose: () => lab.dispose(),
  };
});
