import type { SignalingClient } from '../../extension/src/p2p/signaling/signaling-client.ts';
import type { Transport, TransportAddress } from '../../extension/src/p2p/transport/transport.ts';

/** Where nobody in any room is. */
export const nobodyInRoom = (tier: Transport['tier']): TransportAddress => ({ tier, value: 'A'.repeat(22) });

/**
 * A tier of a room, for tests that dial as soon as somebody listens: who listens is in the room first, and who dials has heard of it. A session
 * tries again when a peer comes to the room; a test of one dial cannot.
 */
export function settled(transport: Transport, signaling: SignalingClient): Transport {
  const { tier } = transport;
  return {
    tier,
    dial: async (address, options) => {
      if (address.value !== nobodyInRoom(tier).value) await heardOf(signaling, address.value);
      return transport.dial(address, options);
    },
    listen: async (options) => {
      await signaling.joined();
      return transport.listen(options);
    },
  };
}

/** Resolves when somebody with `tag` is in the room. */
async function heardOf(signaling: SignalingClient, tag: string): Promise<void> {
  const isThere = (): boolean => signaling.peers.some((peer) => peer.tag === tag);
  if (isThere()) return;
  await new Promise<void>((resolve) => {
    const subscription = signaling.onPeers(() => {
      if (!isThere()) return;
      subscription.dispose();
      resolve();
    });
  });
}
