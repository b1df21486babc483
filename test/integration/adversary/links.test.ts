import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { messageOf, type PeerweaveError, type Reason } from '../../../extension/src/shared/errors.ts';
import { carries, echoes, EvilCourt, reasonsIn, type RoomTier } from '../../support/evil-court.ts';
import {
  crossMeetings,
  impersonate,
  meetingDeeds,
  only,
  presenceDeeds,
  relayDeeds,
  signalDeeds,
  times,
} from '../../support/evil-deeds.ts';
import type { Evil } from '../../support/evil-server.ts';
import { closed, type Person } from '../../support/link-lab.ts';
import { seesPeers } from '../../support/signaling-lab.ts';

/** An adversary runs the server. It may keep people apart; it must not get between them, nor at anybody else. */

let court: EvilCourt;
afterEach(async () => court.dispose());

/** What a failed attempt may be put down to; `cancelled` is what became of its parts when it was over. */
const FAILURES: readonly Reason[] = [
  'unreachable',
  'transport-corrupt',
  'signaling-unreachable',
  'link-lost',
  'cancelled',
];

/** Links a pair; the error when they cannot, which must say that the peer was not reached, or lost at once, and why. */
async function attempt(a: Person, b: Person): Promise<Link | PeerweaveError> {
  try {
    const [near, far] = await court.link(a, b);
    for (const link of [near, far]) echoes(link);
    return near;
  } catch (error) {
    const [reason, ...causes] = reasonsIn(error);
    expect(['unreachable', 'link-lost']).toContain(reason);
    if (reason === 'unreachable') expect(causes).not.toEqual([]);
    expect(FAILURES).toEqual(expect.arrayContaining(causes));
    return error as PeerweaveError;
  }
}

async function pairOf(a: Person, b: Person): Promise<Link> {
  const link = await attempt(a, b);
  if (link instanceof Error) throw link;
  return link;
}

interface Outcome {
  /** Whether a link comes about all the same. Absent: it may or may not. */
  readonly works?: boolean;
  /** Whether one of the two says that bytes were changed. */
  readonly isNoticed?: boolean;
}

const WORKS: Outcome = { works: true };
const DENIED: Outcome = { works: false };
const NOTICED: Outcome = { works: false, isNoticed: true };

/** The two at whom an adversary aims, two others, and a link of these that stands. */
interface Scene {
  readonly ann: Person;
  readonly bob: Person;
  readonly others: Link;
  /** The adversary acts on what concerns Ann and Bob from now on. */
  readonly aim: (evil: Evil | undefined) => void;
}

async function scene(tier: RoomTier): Promise<Scene> {
  court = await EvilCourt.open(tier);
  const [ann, bob, carl, dora] = (await court.people(4)) as [Person, Person, Person, Person];
  const others = await pairOf(carl, dora);
  const tags = [ann, bob].map((person) => court.roomOf(person).self.tag);
  const aim = (evil: Evil | undefined): void => {
    court.server.evil = evil && ((...args) => tags.map((tag) => only(tag, evil)(...args)).find((deed) => deed));
  };
  return { ann, bob, others, aim };
}

/** One link affected at most: the others’ goes on as if nothing had happened. */
async function isUntouched(link: Link): Promise<void> {
  await carries(link);
  expect([link.state, link.moves, link.bytesResent]).toEqual(['connected', 0, 0]);
}

/** The adversary acts while Ann reaches for Bob. */
async function whileDialing(tier: RoomTier, evil: Evil, { works, isNoticed }: Outcome): Promise<void> {
  const { ann, bob, others, aim } = await scene(tier);
  aim(evil);
  const link = await attempt(ann, bob);
  expect(court.server.deeds).toBeGreaterThan(0);
  if (works !== undefined) expect(!(link instanceof Error)).toBe(works);
  if (isNoticed !== undefined) expect(saysCorrupt(link)).toBe(isNoticed);
  if (!(link instanceof Error)) {
    expect(link.peer).toBe(bob.identity.peer);
    // What does not keep a link from coming about may keep it from ever carrying much.
    if (works === undefined) aim(undefined);
    await carries(link, randomBytes(20_000));
  }
  await isUntouched(others);
  // And when the server behaves again, all is well.
  aim(undefined);
  if (link instanceof Error) await carries(await pairOf(bob, ann));
}

/** Told by whoever saw it first: this side, or the other in its refusal to come. */
const saysCorrupt = (error: unknown): boolean =>
  reasonsIn(error).includes('transport-corrupt') || messageOf(error).includes('changes traffic');

const named = <Name extends string>(outcomes: Record<Name, Outcome>): [Name, Outcome][] =>
  Object.entries(outcomes) as [Name, Outcome][];

describe.each<RoomTier>(['relay', 'webrtc'])('a server that tampers with what members say: by %s', (tier) => {
  it.each(
    named<keyof typeof signalDeeds>({
      'flips a bit of each': DENIED,
      'drops all': DENIED,
      'cuts each short': DENIED,
      'says each three times, and all that came before again': WORKS,
      'hands each to somebody else too': WORKS,
      'hands each to somebody else instead': DENIED,
      'sends each back to its sender as well': WORKS,
      'says that each is from somebody else': DENIED,
      'changes the order of each two': {},
    }),
  )('%s: %j', (name, outcome) => whileDialing(tier, signalDeeds[name](), outcome));
});

describe('a server that tampers with meetings', () => {
  it.each(
    named<keyof typeof meetingDeeds>({
      'makes up meetings for everybody': WORKS,
      'gives wrong tickets': DENIED,
      'says that it is with somebody else': DENIED,
      'gives every meeting another name for each side': DENIED,
      'never lets one begin': DENIED,
    }),
  )('%s: %j', (name, outcome) => whileDialing('relay', meetingDeeds[name](), outcome));

  it('comes itself, in place of whoever was asked, and is found out at its first word', () =>
    whileDialing('relay', impersonate(), NOTICED));
});

describe('a server that lies about who is there', () => {
  it.each(
    named<keyof typeof presenceDeeds>({
      'names everybody otherwise': DENIED,
      'adds two for each, of the same tag': WORKS,
      'adds nine for each, of the same tag': DENIED,
      'adds the victim itself': WORKS,
      'says that nobody is there': DENIED,
    }),
  )('%s: %j', async (name, outcome) => {
    court = await EvilCourt.open('relay');
    court.server.evil = presenceDeeds[name]();
    const [ann, bob] = [await court.person(), await court.person()];
    const link = await attempt(ann, bob);
    expect(court.server.deeds).toBeGreaterThan(0);
    expect(!(link instanceof Error)).toBe(outcome.works);
    if (!(link instanceof Error)) await carries(link);
  });
});

describe.each<RoomTier>(['relay', 'json'])('a server that tampers with what it relays: by %s', (tier) => {
  const deeds = named<keyof typeof relayDeeds>({
    'flips a bit of each': NOTICED,
    'cuts each short': NOTICED,
    'adds a byte to each': NOTICED,
    'empties each': NOTICED,
    'puts something else in place of each': NOTICED,
    'says each twice': NOTICED,
    'says each twice, the second time under the next number': NOTICED,
    'adds one of its own after each': NOTICED,
    'drops each third and renumbers the others': {},
    'changes the order of each two': {},
    'sends each back to its sender': NOTICED,
    'closes the connection at each': DENIED,
  });

  it.each(deeds)('%s, from the beginning: %j', (name, outcome) => whileDialing(tier, relayDeeds[name](), outcome));

  it.each(deeds)('%s, later: the link goes on when that is over, every byte as it was sent', async (name) => {
    const { ann, bob, others, aim } = await scene(tier);
    const link = await pairOf(ann, bob);
    const sent = randomBytes(1_500_000);
    const carrying = carries(link, sent);
    aim(times(10, relayDeeds[name](), 20));
    await carrying;
    expect(court.server.deeds).toBeGreaterThan(0);
    expect(link.state).toBe('connected');
    await isUntouched(others);
  });
});

describe('a server that crosses two meetings', () => {
  it.each<RoomTier>(['relay', 'json'])('is found out: by %s', async (tier) => {
    court = await EvilCourt.open(tier);
    const [ann, bob, carl, dora] = (await court.people(4)) as [Person, Person, Person, Person];
    court.server.evil = crossMeetings();
    const links = await Promise.all([attempt(ann, bob), attempt(carl, dora)]);
    expect(links.every((link) => link instanceof Error)).toBe(true);
    expect(links.some(saysCorrupt)).toBe(true);
    court.server.evil = undefined;
    await carries(await pairOf(ann, bob));
    await carries(await pairOf(carl, dora));
  });
});

describe('a server that does not stop', () => {
  it('[LI4] costs the link in the end, with its reason, and nothing else', async () => {
    court = await EvilCourt.open('relay');
    const [carl, dora] = (await court.people(2)) as [Person, Person];
    const others = await pairOf(carl, dora);
    const [ann, bob] = [await court.person({ reconnectWindow: 2_000 }), await court.person({ reconnectWindow: 2_000 })];
    await seesPeers(court.roomOf(ann), 3);
    const link = await pairOf(ann, bob);
    const end = closed(link);
    const tag = court.roomOf(ann).self.tag;
    court.server.evil = only(tag, relayDeeds['flips a bit of each']());
    const lost = expect(carries(link)).rejects.toBeDefined();
    expect((await end).reason).toBe('link-lost');
    await lost;
    await isUntouched(others);
  });
});
