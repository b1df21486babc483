import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Meeting } from '../../../extension/src/p2p/signaling/signaling.ts';
import type { RoomPeer } from '../../../extension/src/p2p/signaling/wire/messages.ts';
import { Arrivals } from '../../../extension/src/p2p/transport/arrivals.ts';

const TIMEOUT_MS = 1_000;
const ann: RoomPeer = { peer: 'ann', tag: 'tag of ann' };
const eve: RoomPeer = { peer: 'eve', tag: 'tag of eve' };

const meetingWith = (peer: RoomPeer, session: string): Meeting => ({
  with: peer,
  self: 'bob',
  session,
  ticket: 'ticket',
  url: 'ws://relay.example',
});

function arrivals(): { arrivals: Arrivals; attended: { session: string; signal: AbortSignal; settle: () => void }[] } {
  const attended: { session: string; signal: AbortSignal; settle: () => void }[] = [];
  const made = new Arrivals({
    timeoutMs: TIMEOUT_MS,
    attend: ({ session }, signal) => new Promise((settle) => attended.push({ session, signal, settle })),
  });
  return { arrivals: made, attended };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('meetings that others have asked for', () => {
  it.each([
    ['the server tells first', (all: Arrivals) => (all.serverTold(meetingWith(ann, '1')), all.memberTold('1', ann))],
    ['the member tells first', (all: Arrivals) => (all.memberTold('1', ann), all.serverTold(meetingWith(ann, '1')))],
  ])('are attended once when both have told of them: %s', (_, tell) => {
    const { arrivals: all, attended } = arrivals();
    tell(all);
    tell(all);
    expect(attended.map(({ session }) => session)).toEqual(['1']);
  });

  it('are attended for nobody but whom the server names, and told of by nobody else', () => {
    const { arrivals: all, attended } = arrivals();
    all.serverTold(meetingWith(ann, '1'));
    all.memberTold('1', eve);
    all.memberTold('1', ann);
    expect(attended).toEqual([]);
  });

  it('are given up by whoever asked for them, and by nobody else', () => {
    const { arrivals: all, attended } = arrivals();
    all.serverTold(meetingWith(ann, '1'));
    all.memberTold('1', ann);
    all.givenUp('1', eve);
    expect(attended[0]?.signal.aborted).toBe(false);
    all.givenUp('1', ann);
    expect(attended[0]?.signal.reason).toMatchObject({ reason: 'unreachable' });
  });

  it('are given up when they do not come about in time, and by the end of this side', () => {
    vi.useFakeTimers();
    const { arrivals: all, attended } = arrivals();
    all.serverTold(meetingWith(ann, '1'));
    all.memberTold('1', ann);
    vi.advanceTimersByTime(TIMEOUT_MS);
    all.serverTold(meetingWith(ann, '2'));
    all.memberTold('2', ann);
    expect(attended.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    all.clear();
    expect(attended.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are few for each member at once, whatever one of them does [LI8]', async () => {
    const { arrivals: all, attended } = arrivals();
    for (let i = 0; i < 1_000; i++) {
      all.serverTold(meetingWith(eve, `eve ${i}`));
      all.memberTold(`eve ${i}`, eve);
      all.memberTold(`made up ${i}`, eve);
    }
    expect(attended.length).toBeLessThanOrEqual(32);
    all.serverTold(meetingWith(ann, '1'));
    all.memberTold('1', ann);
    expect(attended.at(-1)?.session).toBe('1');
    const before = attended.length;
    for (const { settle } of attended) settle();
    await new Promise((resolve) => setImmediate(resolve));
    all.serverTold(meetingWith(eve, 'later'));
    all.memberTold('later', eve);
    expect(attended.length).toBe(before + 1);
    all.clear();
  });
});
