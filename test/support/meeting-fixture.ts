import { randomBytes } from 'node:crypto';
import { jsonTransport } from '../../extension/src/p2p/transport/json.ts';
import type { MeetingTransport, MeetingTransportOptions } from '../../extension/src/p2p/transport/meeting-transport.ts';
import { relayTransport } from '../../extension/src/p2p/transport/relay.ts';
import type { TransportAddress } from '../../extension/src/p2p/transport/transport.ts';
import type { LinkFixture } from '../contract/link-contract.ts';
import type { TransportFixture } from '../contract/transport-contract.ts';
import { SignalingLab } from './signaling-lab.ts';

const TIERS = { relay: relayTransport, json: jsonTransport };
export type MeetingTierName = keyof typeof TIERS;

export const meetingTransport = (tier: MeetingTierName, options: MeetingTransportOptions): MeetingTransport =>
  TIERS[tier](options);

/** Two members of a room on a real server: the one dials, the other listens. */
export async function meetingTransportFixture(tier: MeetingTierName): Promise<TransportFixture> {
  const lab = await SignalingLab.start();
  const members = await lab.joined(2);
  const [dialer, listener] = members.map(({ signaling }) => meetingTransport(tier, { signaling }));
  return {
    transport: {
      tier,
      dial: (address, options) => dialer!.dial(address, options),
      listen: (options) => listener!.listen(options),
    },
    nobody: async () => nobody(tier),
    malformed: { tier, value: 'no tag' },
    dispose: async () => {
      dialer!.dispose();
      listener!.dispose();
      await lab.dispose();
    },
  };
}

/** A room on a real server, in which each person is a member. */
export async function meetingLinkFixture(tier: MeetingTierName): Promise<LinkFixture> {
  const lab = await SignalingLab.start();
  return {
    transport: async ({ peer }) => {
      const { signaling } = lab.member({ peer });
      await signaling.joined();
      const transport = meetingTransport(tier, { signaling });
      return {
        tier,
        dial: (address, options) => transport.dial(address, options),
        listen: (options) => transport.listen(options),
        dispose: () => {
          transport.dispose();
          signaling.dispose();
        },
      };
    },
    nobody: async () => nobody(tier),
    dispose: () => lab.dispose(),
  };
}

/** The address of a member who is not in the room. */
const nobody = (tier: MeetingTierName): TransportAddress => ({ tier, value: randomBytes(16).toString('base64url') });
