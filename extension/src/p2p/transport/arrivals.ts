import { PeerweaveError } from '../../shared/errors.ts';
import type { Meeting } from '../signaling/signaling.ts';
import type { RoomPeer } from '../signaling/wire/messages.ts';

/** Of one member at once. More are not attended, so that nobody can make us open any number. */
const MAX_OF_ONE_MEMBER = 32;

interface Arrival {
  meeting?: Meeting;
  /** Who said what it is for. */
  from?: RoomPeer;
  attended: boolean;
  readonly abort: AbortController;
  readonly timer: NodeJS.Timeout;
}

export interface ArrivalsParts {
  /** From the first that is heard of a meeting until it has come about. */
  readonly timeoutMs: number;
  /** Goes to a meeting, and settles when it has come about or failed; `signal` fires when it is given up or late. */
  readonly attend: (meeting: Meeting, signal: AbortSignal) => Promise<void>;
}

/**
 * Meetings that others have asked for. The server tells of each, and so does the member who asked, in either order; one that only the server
 * tells of is not attended, for it may have made it up.
 */
export class Arrivals {
  private readonly parts: ArrivalsParts;
  /** By the meeting's session. */
  private readonly arrivals = new Map<string, Arrival>();

  constructor(parts: ArrivalsParts) {
    this.parts = parts;
  }

  serverTold(meeting: Meeting): void {
    const arrival = this.expect(meeting.session, meeting.with);
    if (!arrival) return;
    arrival.meeting ??= meeting;
    this.attend(meeting.session, arrival);
  }

  memberTold(session: string, from: RoomPeer): void {
    const arrival = this.expect(session, from);
    if (!arrival) return;
    arrival.from ??= from;
    this.attend(session, arrival);
  }

  /** Nothing happens unless it is their meeting. */
  givenUp(session: string, from: RoomPeer): void {
    if (this.arrivals.get(session)?.from?.peer === from.peer) this.end(session, 'The member has given it up.');
  }

  clear(): void {
    for (const session of [...this.arrivals.keys()]) this.end(session, 'This side has ended.');
  }

  private expect(session: string, who: RoomPeer): Arrival | undefined {
    const known = this.arrivals.get(session);
    if (known) return known;
    let others = 0;
    for (const { meeting, from } of this.arrivals.values()) {
      if ((meeting?.with ?? from)?.peer === who.peer) others += 1;
    }
    if (others >= MAX_OF_ONE_MEMBER) return undefined;
    const timer = setTimeout(() => this.end(session, 'It did not come about in time.'), this.parts.timeoutMs);
    timer.unref();
    const arrival = { attended: false, abort: new AbortController(), timer };
    this.arrivals.set(session, arrival);
    return arrival;
  }

  private attend(session: string, arrival: Arrival): void {
    const { meeting, from, abort, attended } = arrival;
    if (!meeting || !from || attended) return;
    if (meeting.with.peer !== from.peer) return this.end(session, 'Another member asked for it.');
    arrival.attended = true;
    void this.parts.attend(meeting, abort.signal).finally(() => this.forget(session));
  }

  private end(session: string, why: string): void {
    this.forget(session)?.abort.abort(new PeerweaveError('unreachable', why));
  }

  private forget(session: string): Arrival | undefined {
    const arrival = this.arrivals.get(session);
    clearTimeout(arrival?.timer);
    this.arrivals.delete(session);
    return arrival;
  }
}
