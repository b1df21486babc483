import { MAX_MESSAGE_BYTES, MAX_UNAUTHENTICATED_BYTES } from '../extension/src/p2p/signaling/wire/messages.ts';

/** Every limit of the server; each is an option of `peerweave serve`. */
export interface ServerLimits {
  /** One text or binary frame. */
  readonly messageBytes: number;
  /** All that a connection may send before it has joined or attached. */
  readonly unauthenticatedBytes: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  messageBytes: MAX_MESSAGE_BYTES,
  unauthenticatedBytes: MAX_UNAUTHENTICATED_BYTES,
};
