import { createHash, randomBytes } from 'node:crypto';
import type { Meeting, SignalFrom, Signaling, SignalMessage } from '../../extension/src/p2p/signaling/signaling.ts';
import type { IceServer, RoomPeer } from '../../extension/src/p2p/signaling/wire/messages.ts';
import { PeerweaveError } from '../../extension/src/shared/errors.ts';
import { Emitter } from '../../extension/src/shared/events.ts';

const id = (): string => randomBytes(16).toString('base64url');

/** A room without a server: its members hear each other in the next turn of the loop. Meetings are not held here. */
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

export class MemorySignaling implements Signaling {
  state: Signaling['state'] = 'joined';
  readonly url = 'ws://memory';
  problem: string | undefined;
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
  readonly onState = new Emitter<Signaling['state']>().event;
  readonly onMeeting = new Emitter<Meeting>().event;

  constructor(room: MemoryRoom, self: RoomPeer) {
    this.room = room;
    this.self = self;
  }

  get peers(): RoomPeer[] {
    return [...this.room.members].filter((member) => member !== this).map(({ self }) => self);
  }

  tagOf(peer: string): string {
    return createHash('sha256').update(peer).digest().subarray(0, 16).toString('base64url');
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

  async meet(): Promise<Meeting> {
    throw new PeerweaveError('unreachable', 'No meetings here.');
  }

  async iceServers(): Promise<readonly IceServer[]> {
    return this.servers;
  }

  announce(): void {
    // Nobody here asks where anybody is.
  }

  meetingKey(): Uint8Array {
    return new Uint8Array(32);
  }

  dispose(): void {
    this.room.members.delete(this);
    for (const other of this.room.members) other.peersChanged.fire();
  }
}
