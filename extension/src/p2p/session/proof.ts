import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PeerId } from '../../shared/ids.ts';

/**
 * Proof of an invite (SE4): HMAC-SHA256 keyed by the invite's secret over a label, the SSH session id (RFC 4253 §7.2) and both
 * fingerprints. Bound to one SSH session between two keys, it is worthless to anyone who relays or records it.
 */
export interface ProofContext {
  readonly sessionBinding: Uint8Array;
  readonly guest: PeerId;
  readonly host: PeerId;
}

const LABEL = 'peerweave invite proof v1\0';

/** 32 bytes. */
export function proveInvite(secret: Uint8Array, context: ProofContext): Buffer {
  return createHmac('sha256', secret)
    .update(LABEL)
    .update(context.sessionBinding)
    .update(`\0${context.guest}\0${context.host}`)
    .digest();
}

export function checkInviteProof(secret: Uint8Array, context: ProofContext, proof: Uint8Array): boolean {
  const expected = proveInvite(secret, context);
  return proof.length === expected.length && timingSafeEqual(expected, proof);
}
