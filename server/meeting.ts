import { randomBytes } from 'node:crypto';
import { ID_BYTES } from '../extension/src/p2p/signaling/wire/messages.ts';
import type { Connection } from './connection.ts';
import type { RelayTier } from './metrics.ts';
import type { Sender } from './outbound.ts';
import type { Member, Room } from './room.ts';

const randomId = (): string => randomBytes(ID_BYTES).toString('base64url');

/** One end of a meeting. */
export class Seat {
  readonly meeting: Meeting;
  readonly peer: string;
  readonly ticket = randomId();
  /** Where its peer has attached. */
  connection: Connection | undefined;
  /** What slows it down, once it has sent anything. */
  sender: Sender | undefined;

  constructor(meeting: Meeting, peer: string) {
    this.meeting = meeting;
    this.peer = peer;
  }

  get other(): Seat {
    const [first, second] = this.meeting.seats;
    return this === first ? second : first;
  }
}

/** Two peers of a room whose bytes are passed on to each other, as soon as both are attached. */
export class Meeting {
  readonly session = randomId();
  readonly room: Room;
  readonly asker: Member;
  /** Of whoever asked, and of the other. */
  readonly seats: readonly [Seat, Seat];
  /** By which the bytes of it went so far. */
  readonly tiers = new Set<RelayTier>();
  expiry: NodeJS.Timeout | undefined;

  constructor(room: Room, asker: Member, asked: string) {
    this.room = room;
    this.asker = asker;
    this.seats = [new Seat(this, asker.peer), new Seat(this, asked)];
  }
}
