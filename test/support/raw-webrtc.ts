import { randomBytes } from 'node:crypto';
import { PeerConnection } from 'node-datachannel';
import type { SignalingClient } from '../../extension/src/p2p/signaling/signaling-client.ts';
import type { SignalMessage } from '../../extension/src/p2p/signaling/signaling.ts';
import type { RoomPeer } from '../../extension/src/p2p/signaling/wire/messages.ts';
import { next } from './link-lab.ts';

type Channel = ReturnType<PeerConnection['createDataChannel']>;

export const attemptId = (): string => randomBytes(16).toString('base64url');

/** The next message of `kind` about `attempt` that `signaling` hears. */
export async function heard<K extends SignalMessage['kind']>(
  signaling: SignalingClient,
  kind: K,
  attempt?: string,
): Promise<Extract<SignalMessage, { kind: K }>> {
  const { message } = await next(
    signaling.onMessage,
    ({ message: each }) =>
      each.kind === kind && (attempt === undefined || ('attempt' in each && each.attempt === attempt)),
  );
  return message as Extract<SignalMessage, { kind: K }>;
}

/** Dials with the bare library, as somebody would who does not keep to our rules. Resolves when the channel is open. */
export async function rawDial(
  signaling: SignalingClient,
  to: RoomPeer,
): Promise<{ peer: PeerConnection; channel: Channel }> {
  const attempt = attemptId();
  const peer = new PeerConnection('raw', { iceServers: [] });
  peer.onLocalDescription((sdp) => signaling.send(to, { kind: 'offer', attempt, sdp }));
  const candidates: string[] = [];
  peer.onLocalCandidate((candidate) => candidates.push(candidate));
  const answered = heard(signaling, 'answer', attempt);
  const channel = peer.createDataChannel('raw', { negotiated: true, id: 0 });
  const { sdp } = await answered;
  peer.setRemoteDescription(sdp, 'answer');
  for (const candidate of candidates) signaling.send(to, { kind: 'candidate', attempt, candidate, mid: '0' });
  await new Promise<void>((resolve) => channel.onOpen(resolve));
  return { peer, channel };
}
