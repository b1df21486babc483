import { randomBytes, randomInt } from 'node:crypto';
import type { RoomPeer } from '../../extension/src/p2p/signaling/wire/messages.ts';
import {
  randomId,
  type Evil,
  type EvilServer,
  type Message,
  type Passing,
  type Relayed,
  type Said,
} from './evil-server.ts';

/** What adversaries do, one by one. Each is made anew for each test, for some remember. */

type Signal = Extract<Said, { type: 'signal'; to: string }>;

/** Acts on sealed bodies as they come from their senders. */
const onSignals =
  (act: (signal: Signal, passing: Passing, server: EvilServer) => readonly Message[] | undefined): Evil =>
  (passing, server) =>
    passing.up && passing.said?.type === 'signal' ? act(passing.said as Signal, passing, server) : undefined;

/** Acts on bytes of meetings as they go to their receivers. */
const onRelayed =
  (act: (relayed: Relayed, passing: Passing, server: EvilServer) => readonly Message[] | 'close' | undefined): Evil =>
  (passing, server) =>
    passing.relayed && !passing.up ? act(passing.relayed, passing, server) : undefined;

/** Lets all be but whoever has this tag. */
export const only =
  (tag: string, evil: Evil): Evil =>
  (passing, server) =>
    passing.victim.owner?.tag === tag ? evil(passing, server) : undefined;

/** Acts on the first so many occasions, after having let some pass. */
export const times = (count: number, evil: Evil, after = 0): Evil => {
  let left = count;
  let passes = after;
  return (passing, server) => {
    if (left === 0) return undefined;
    const deed = evil(passing, server);
    if (deed === undefined) return undefined;
    if (passes > 0) {
      passes -= 1;
      return undefined;
    }
    left -= 1;
    return deed;
  };
};

const flip = (bytes: Buffer): Buffer => {
  const flipped = Buffer.from(bytes);
  const at = randomInt(flipped.length);
  flipped[at]! ^= 1 << randomInt(8);
  return flipped;
};
const flipBody = (body: string): string => flip(Buffer.from(body, 'base64url')).toString('base64url');

export const signalDeeds = {
  'flips a bit of each': () => onSignals((signal) => [{ ...signal, body: flipBody(signal.body) }]),
  'drops all': () => onSignals(() => []),
  'cuts each short': () => onSignals((signal) => [{ ...signal, body: signal.body.slice(0, -8) }]),
  'says each three times, and all that came before again': () => {
    const before: Signal[] = [];
    return onSignals((signal) => {
      before.push(signal);
      return [signal, signal, signal, ...before];
    });
  },
  'hands each to somebody else too': () =>
    onSignals((signal, { victim }, { members }) => [
      signal,
      ...members
        .filter(({ self }) => self!.peer !== signal.to && self!.peer !== victim.self?.peer)
        .map(({ self }) => ({ ...signal, to: self!.peer })),
    ]),
  'hands each to somebody else instead': () =>
    onSignals((signal, { victim }, { members }) => {
      const others = members.filter(({ self }) => self!.peer !== signal.to && self!.peer !== victim.self?.peer);
      return others.map(({ self }) => ({ ...signal, to: self!.peer }));
    }),
  'sends each back to its sender as well': () =>
    onSignals((signal, { victim }) => {
      victim.tell({ type: 'signal', from: signal.to, body: signal.body });
      return [signal];
    }),
  'says that each is from somebody else':
    (): Evil =>
    ({ up, said, victim }, { members }) => {
      if (up || said?.type !== 'signal' || !('from' in said)) return undefined;
      const other = members.find(({ self }) => self!.peer !== said.from && self!.peer !== victim.self?.peer);
      return other === undefined ? [] : [{ ...said, from: other.self!.peer }];
    },
  'changes the order of each two': () => {
    const held = new Map<string, Signal>();
    return onSignals((signal, { victim }) => {
      const before = held.get(signal.to);
      held.delete(signal.to);
      if (before !== undefined) return [signal, before];
      held.set(signal.to, signal);
      // A last one without a next is not kept for ever.
      setTimeout(() => {
        if (held.get(signal.to) !== signal) return;
        held.delete(signal.to);
        victim.ask(signal);
      }, 30);
      return [];
    });
  },
} satisfies Record<string, () => Evil>;

/** What a server could say about who is in the room. */
const presence =
  (change: (peers: RoomPeer[], victim: RoomPeer) => RoomPeer[]): (() => Evil) =>
  () =>
  ({ up, said, victim }) => {
    if (up || victim.self === undefined) return undefined;
    if (said?.type === 'joined') return [{ ...said, peers: change(said.peers, victim.self) }];
    if (said?.type !== 'peer-joined') return undefined;
    return change([{ peer: said.peer, tag: said.tag }], victim.self).map((peer) => ({ type: 'peer-joined', ...peer }));
  };

export const presenceDeeds = {
  'names everybody otherwise': presence((peers) => peers.map(({ peer }) => ({ peer, tag: randomId() }))),
  'adds two for each, of the same tag': presence((peers) =>
    peers.flatMap((peer) => [peer, { ...peer, peer: randomId() }, { ...peer, peer: randomId() }]),
  ),
  'adds nine for each, of the same tag': presence((peers) =>
    peers.flatMap((peer) => [peer, ...Array.from({ length: 9 }, () => ({ ...peer, peer: randomId() }))]),
  ),
  'adds the victim itself': presence((peers, self) => [...peers, self, { peer: randomId(), tag: self.tag }]),
  'says that nobody is there': presence(() => []),
} satisfies Record<string, () => Evil>;

export const meetingDeeds = {
  'makes up meetings for everybody': (): Evil => {
    let told = false;
    return (_, server) => {
      if (told || server.members.length < 2) return undefined;
      told = true;
      server.deeds += 1;
      for (const victim of server.members) {
        for (const { self } of server.members.filter((other) => other !== victim)) {
          for (let i = 0; i < 20; i++) {
            victim.tell({ type: 'meeting', with: self!.peer, session: randomId(), ticket: randomId() });
          }
        }
      }
      return undefined;
    };
  },
  'gives wrong tickets':
    (): Evil =>
    ({ up, said }) =>
      !up && said?.type === 'meeting' ? [{ ...said, ticket: randomId() }] : undefined,
  'says that it is with somebody else':
    (): Evil =>
    ({ up, said, victim }, { members }) => {
      if (up || said?.type !== 'meeting') return undefined;
      const other = members.find(({ self }) => self!.peer !== said.with && self!.peer !== victim.self?.peer);
      return [{ ...said, with: other?.self?.peer ?? randomId() }];
    },
  'gives every meeting another name for each side':
    (): Evil =>
    ({ up, said }) =>
      !up && said?.type === 'meeting' ? [{ ...said, session: randomId() }] : undefined,
  'never lets one begin':
    (): Evil =>
    ({ up, said }) =>
      !up && said?.type === 'attached' ? [] : undefined,
} satisfies Record<string, () => Evil>;

export const relayDeeds = {
  'flips a bit of each': () => onRelayed((relayed) => [relayed.with({ bytes: flip(relayed.bytes) })]),
  'cuts each short': () => onRelayed((relayed) => [relayed.with({ bytes: relayed.bytes.subarray(0, -1) })]),
  'adds a byte to each': () =>
    onRelayed((relayed) => [relayed.with({ bytes: Buffer.concat([relayed.bytes, Buffer.of(0)]) })]),
  'empties each': () => onRelayed((relayed) => [relayed.with({ bytes: Buffer.alloc(0) })]),
  'puts something else in place of each': () =>
    onRelayed((relayed) => [relayed.with({ bytes: randomBytes(relayed.bytes.length) })]),
  'says each twice': () => onRelayed((relayed) => [relayed.with({}), relayed.with({})]),
  'says each twice, the second time under the next number': () =>
    onRelayed((relayed) => [relayed.with({}), relayed.with({ sequence: relayed.sequence + 1 })]),
  'adds one of its own after each': () =>
    onRelayed((relayed) => [
      relayed.with({}),
      relayed.with({ sequence: relayed.sequence + 1, bytes: randomBytes(200) }),
    ]),
  'drops each third and renumbers the others': () => {
    const counts = new Map<string, number>();
    return onRelayed((relayed, { victim }) => {
      const name = `${victim.number} ${relayed.session}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count % 3 === 0) return [];
      return [relayed.with({ sequence: relayed.sequence - Math.floor(count / 3) })];
    });
  },
  'changes the order of each two': () => {
    const held = new Map<string, Relayed>();
    return onRelayed((relayed, { victim }) => {
      const name = `${victim.number} ${relayed.session}`;
      const before = held.get(name);
      held.delete(name);
      if (before !== undefined) {
        return [relayed.with({ sequence: before.sequence }), before.with({ sequence: relayed.sequence })];
      }
      held.set(name, relayed);
      // A last one without a next is not kept for ever.
      setTimeout(() => {
        if (held.get(name) !== relayed) return;
        held.delete(name);
        victim.tell(relayed.with({}));
      }, 30);
      return [];
    });
  },
  'sends each back to its sender': () =>
    onRelayed((relayed, { victim }, { victims }) => {
      // On the connection on which it came: not the one to the room.
      const sender = victims.find(({ owner, self }) => owner?.peer === relayed.peer && self === undefined);
      sender?.tell(relayed.with({ peer: victim.owner?.peer ?? relayed.peer }));
      return [];
    }),
  'closes the connection at each': () => onRelayed(() => 'close' as const),
} satisfies Record<string, () => Evil>;

/** Crosses the meetings of one pair with those of another: each hears what was said to somebody else. */
export function crossMeetings(): Evil {
  const heard = new Map<string, { readonly relayed: Relayed; readonly passing: Passing }>();
  return onRelayed((relayed, passing) => {
    const other = [...heard].find(
      ([, before]) => before.relayed.session !== relayed.session && before.relayed.sequence === relayed.sequence,
    );
    if (other === undefined) {
      heard.set(`${relayed.session} ${relayed.peer} ${relayed.sequence}`, { relayed, passing });
      return [];
    }
    heard.delete(other[0]);
    const { relayed: theirs, passing: there } = other[1];
    there.victim.tell(theirs.with({ bytes: relayed.bytes }));
    return [relayed.with({ bytes: theirs.bytes })];
  });
}

/** Comes to every meeting itself, in place of whoever was asked, and greets as well as it can without the key. */
export function impersonate(): Evil {
  const seats = new Map<string, { readonly session: string; readonly other: string }>();
  return ({ up, said, relayed, victim }) => {
    if (!up && said?.type === 'meeting') {
      seats.set(said.ticket, { session: said.session, other: said.with });
      return undefined;
    }
    if (up && said?.type === 'attach') {
      const seat = seats.get(said.ticket);
      if (seat === undefined) return [];
      victim.tell({ type: 'attached', session: seat.session, ready: true });
      return [];
    }
    if (!up || relayed === undefined) return undefined;
    const seat = [...seats.values()].find(({ session }) => session === relayed.session);
    // The victim's own greeting, as if the other had said it.
    victim.tell(relayed.with({ peer: seat?.other ?? relayed.peer }));
    return [];
  };
}
