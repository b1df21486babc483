import { Emitter } from '../../shared/events.ts';
import type { Logger } from '../../shared/log.ts';
import { RateLimit } from '../../shared/rate-limit.ts';
import type { Clock } from './clock.ts';
import type { RoomKeys } from './room-keys.ts';
import { BodyOpener, sealBody, type BodyFault } from './sealed-body.ts';
import type { SignalFrom, SignalMessage } from './signaling.ts';
import type { RoomPeer } from './wire/messages.ts';

/** A member that dials has some thirty candidates at once; one that says more than this is not heard for a while. */
const PER_SECOND = 50;
const AT_ONCE = 400;

/** What became of messages that were not passed on. */
export type MessageFault = BodyFault | 'unknown-sender' | 'too-many';

export interface MemberMessagesParts {
  readonly keys: RoomKeys;
  readonly self: RoomPeer;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Seals what goes to members and opens what comes from them, on one connection. One member's flood costs the others nothing. */
export class MemberMessages {
  private readonly parts: MemberMessagesParts;
  private readonly opener: BodyOpener;
  private readonly rates = new Map<string, RateLimit>();
  private readonly counts = new Map<MessageFault, number>();
  private readonly emitter: Emitter<SignalFrom>;
  private sequence = 0;
  readonly onMessage: Emitter<SignalFrom>['event'];

  constructor(parts: MemberMessagesParts) {
    this.parts = parts;
    this.opener = new BodyOpener(parts.keys.bodyKey);
    this.emitter = new Emitter((error) => parts.log.error(`signaling: ${String(error)}`));
    this.onMessage = this.emitter.event;
  }

  /** How often messages were dropped, by why. */
  get faults(): ReadonlyMap<MessageFault, number> {
    return this.counts;
  }

  /** Senders remembered for the sake of replays. */
  get senders(): number {
    return this.opener.senders;
  }

  /** Undefined when the message is too long to be sent. */
  seal(to: RoomPeer, message: SignalMessage): string | undefined {
    const { keys, self } = this.parts;
    this.sequence += 1;
    return sealBody(keys.bodyKey, { room: keys.room, from: self, to }, this.sequence, message);
  }

  /** `from` is undefined when the server names somebody who is not in the room. */
  receive(from: RoomPeer | undefined, body: string): void {
    if (from === undefined) return this.count('unknown-sender');
    if (!this.rateOf(from).take()) return this.count('too-many');
    const { keys, self } = this.parts;
    const opened = this.opener.open({ room: keys.room, from, to: self }, body);
    if ('fault' in opened) return this.count(opened.fault);
    this.emitter.fire({ from, message: opened.message });
  }

  left(peer: string): void {
    this.rates.delete(peer);
  }

  private rateOf({ peer }: RoomPeer): RateLimit {
    const rate = this.rates.get(peer) ?? new RateLimit(PER_SECOND, AT_ONCE, () => this.parts.clock.now());
    this.rates.set(peer, rate);
    return rate;
  }

  private count(fault: MessageFault): void {
    const before = this.counts.get(fault) ?? 0;
    this.counts.set(fault, before + 1);
    // Once for each kind: whoever sends such things sends many.
    if (before === 0) this.parts.log.warn(`signaling: dropped a message (${fault}); more of the kind are only counted`);
  }
}
