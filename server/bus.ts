import type { RoomPeer } from '../extension/src/p2p/signaling/wire/messages.ts';
import type { NodeMessage } from './bus-messages.ts';

/** How a node's rooms hear from the other nodes. */
export interface BusListener {
  /** Who of a room is at this node, when another asks. */
  localPeers(room: string): readonly RoomPeer[];
  /** Every room with somebody at this node. */
  localRooms(): readonly string[];
  /** All who are in `room` at `node` now; none when the last has left. */
  onPeers(room: string, node: string, peers: readonly RoomPeer[]): void;
  onNodeGone(node: string): void;
  onMessage(message: NodeMessage): void;
}

/** What joins the rooms of several nodes. Best effort: what is lost is announced again, and whoever waits has a deadline. */
export interface Bus {
  /** `none`: there is but this node. `lost`: rooms are local until it is back. */
  readonly state: 'none' | 'connected' | 'lost';
  /** Tells the other nodes who is in `room` here; to be called after each change. */
  announce(room: string): void;
  /** False when it could not be sent. */
  tell(node: string, message: NodeMessage): boolean;
  close(): Promise<void>;
}

/** Of a node that is alone. */
export const noBus: Bus = {
  state: 'none',
  announce: () => undefined,
  tell: () => false,
  close: () => Promise.resolve(),
};
