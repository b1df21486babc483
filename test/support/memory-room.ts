import { randomBytes } from 'node:crypto';
import type { SignalFrom, SignalMessage } from '../../extension/src/p2p/signaling/signaling.ts';
import type { IceServer, RoomPeer } from '../../extension/src/p2p/signaling/wire/messages.ts';
import type { WebRtcSignaling } from '../../extension/src/p2p/transport/webrtc.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';
import { Emitter } from '../../extension/src/shared/events.ts';

const id = (): string => randomBytes(16).toString('base64url');

/** A room without a server: its members hear each other in the next turn of the loop. */
export class MemoryRoom {
  readonly members = new Set<MemorySignaling>();

  /** A member's connection; `tag` is a new member's unless given. */
  join(tag = id()): MemorySignaling {
    const joined = new MemorySignaling(this, { peer: id(), tag });
    this.members.add(joined);
    for (const other of this.members) if (other !== joined) other.peersChanged.fire();
    return joined;
  }
}

export class MemorySignaling implements WebRtcSignaling {
  readonly self: RoomPeer;
  /** Everything that was said to this one. */
  readonly heard: SignalFrom[] = [];
  servers: readonly IceServer[] = [];
  /** Decides about each message that this one sends; false loses it. */
  filter: (message: SignalMessage) => boolean = () => true;
  readonly peersChanged = new Emitter<void>();
  private readonly room: MemoryRoom;
  private readonly messages = new Emitter<SignalFrom>();
  readonly onPeers = this.peersChanged.event;
  readonly onMessage = this.messages.event;

  constructor(room: MemoryRoom, self: RoomPeer) {
    this.room = room;
    this.self = self;
  }

  get peers(): RoomPeer[] {
    return [...this.room.members].filter((member) => member !== this).map(({ self }) => self);
  }

  async joined(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new PeerweaveError('cancelled', 'Stopped.');
  }

  send(to: RoomPeer, message: SignalMessage): void {
    if (!this.filter(message)) return;
    setImmediate(() => {
      const other = [...this.room.members].find(({ self }) => self.peer === to.peer);
      if (!this.room.members.has(this)) return;
      other?.heard.push({ from: this.self, message });
      other?.messages.fire({ from: this.self, message });
    });
  }

  async iceServers(): Promise<readonly IceServer[]> {
    return this.servers;
  }

  dispose(): void {
    this.room.members.delete(this);
    for (const other of this.room.members) other.peersChanged.fire();
  }
}
