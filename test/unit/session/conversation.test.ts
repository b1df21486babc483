import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_ROSTER_ENTRIES, type Manifest } from '../../../extension/src/p2p/link/control-protocol.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { Conversation } from '../../../extension/src/p2p/session/conversation.ts';
import { foundSession } from '../../../extension/src/p2p/session/founding.ts';
import { ManifestLedger } from '../../../extension/src/p2p/session/manifest-ledger.ts';
import { repoIdentity } from '../../../extension/src/p2p/session/manifest.ts';
import { Members } from '../../../extension/src/p2p/session/members.ts';
import type { Mesh } from '../../../extension/src/p2p/session/mesh.ts';
import type { SessionRecord } from '../../../extension/src/p2p/session/session-store.ts';
import type { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { PeerId, RefName } from '../../../extension/src/shared/ids.ts';
import { reasonOf } from '../../support/reason.ts';
import { fakeLink, type FakeLink } from './fake-link.ts';

const self = createIdentity();
const [bob, carol] = [createIdentity(), createIdentity()];
const where = (port: number) => [{ tier: 'tcp' as const, value: `192.0.2.7:${port}` }];
let record: SessionRecord;
let members: Members;
let ledger: ManifestLedger;
let links: FakeLink[];
let redialed: PeerId[];
let received: PeerId[];
let expected: number[];
let refused: PeerweaveError[];
let conversation: Conversation;

beforeEach(() => {
  record = foundSession(
    self,
    { root: '/repos/p', gitDir: '/repos/p/.git', objectFormat: 'sha1', roots: [] },
    'Ada',
    24,
    0,
  );
  members = new Members(self, record);
  ledger = new ManifestLedger(self, { session: record.session, repo: repoIdentity([]), epoch: 1 }, { manifests: [] });
  [links, redialed, received, expected, refused] = [[], [], [], [], []];
  const mesh = {
    links: () => links,
    link: (peer: PeerId) => links.find((link) => link.peer === peer),
    connect: () => undefined,
    redial: (peer: PeerId) => redialed.push(peer),
  } as unknown as Mesh;
  conversation = new Conversation({
    self: self.peer,
    people: {
      members,
      mesh,
      addresses: () => where(1),
      learnAddresses: (peer, addresses) => members.learnAddresses(peer, addresses),
      meeting: undefined,
      learnMeeting: () => undefined,
    },
    ledger,
    now: () => 1_000,
    save: () => Promise.resolve(),
    expectFetches: (count) => expected.push(count),
    received: (peer) => received.push(peer),
    refused: (_, error) => refused.push(error),
    acknowledged: () => undefined,
    refresh: () => Promise.resolve(),
  });
});

const join = (who: typeof bob, name: string): FakeLink => {
  const link = Object.assign(fakeLink({ self: self.peer, peer: who.peer }), { publicKey: who.publicKey });
  members.admit(link, name, 1);
  conversation.listenTo(link);
  links.push(link);
  return link;
};
const manifestOf = (who: typeof bob): Manifest => {
  const binding = { session: record.session, repo: repoIdentity([]), epoch: 1 };
  return new ManifestLedger(who, binding, { manifests: [] }).announce(new Map(), undefined, 5_000);
};

describe('what members may say', () => {
  it('[SE5] a manifest counts only from its author: nobody speaks for another', async () => {
    const fromBob = join(bob, 'Bob');
    join(carol, 'Carol');
    await fromBob.hear('manifest', manifestOf(carol));
    expect(refused.map(({ reason }) => reason)).toEqual(['manifest-foreign']);
    await fromBob.hear('manifest', manifestOf(bob));
    expect(received).toEqual([bob.peer]);
  });

  it('[SE5] an acknowledgement counts for its sender alone', async () => {
    const fromBob = join(bob, 'Bob');
    join(carol, 'Carol');
    await conversation.announce(new Map(), undefined);
    await fromBob.hear('ack', { author: carol.peer, seq: 1_000 });
    expect(ledger.hasOurs(bob.peer)).toBe(false);
    await fromBob.hear('ack', { author: self.peer, seq: 1_000 });
    expect([ledger.hasOurs(bob.peer), ledger.hasOurs(carol.peer)]).toEqual([true, false]);
  });

  it('[LI8] addresses of people who are no members are nothing to keep', async () => {
    const fromBob = join(bob, 'Bob');
    const strangers = Array.from({ length: 50 }, () => createIdentity().peer);
    await fromBob.hear('presence', { members: strangers.map((peer) => ({ peer, addresses: where(2) })) });
    expect(Object.keys(record.addresses)).toEqual([]);
  });

  it('a peer knows best where it is itself, and of others only while they are not linked', async () => {
    const fromBob = join(bob, 'Bob');
    const fromCarol = join(carol, 'Carol');
    await fromCarol.hear('presence', { members: [{ peer: carol.peer, addresses: where(3) }] });
    const hearsay = { members: [{ peer: carol.peer, addresses: where(4) }] };
    await fromBob.hear('presence', hearsay);
    expect(members.addresses(carol.peer)).toEqual(where(3));
    links.pop();
    await fromBob.hear('presence', hearsay);
    expect(members.addresses(carol.peer)).toEqual(where(4));
    expect(redialed).toEqual([carol.peer]);
    await fromBob.hear('presence', hearsay);
    expect(redialed).toEqual([carol.peer]);
  });

  it('a guest for whom there is no place in the roster is told so', () => {
    for (let n = members.all().length; n < MAX_ROSTER_ENTRIES; n++) join(createIdentity(), 'x');
    expect(reasonOf(() => join(bob, 'Bob'))).toBe('not-admitted');
    expect(members.get(bob.peer)).toBeUndefined();
  });

  it('two people of one name can be told apart', () => {
    join(bob, 'Alex');
    join(carol, 'Alex');
    // Admitted in the same millisecond, they stand in the roster by their keys.
    expect([bob, carol].map(({ peer }) => members.get(peer)?.name)).toEqual(['Alex', 'Alex 2']);
  });
});

describe('what members hear', () => {
  it('[SY1] a manifest only after it is saved', async () => {
    const bobs = join(bob, 'Bob');
    bobs.said.length = 0;
    const refs = new Map([['refs/heads/main' as RefName, '1'.repeat(40) as never]]);
    const announced = conversation.announce(refs, undefined);
    expect(bobs.said).toEqual([]);
    await announced;
    expect(bobs.said).toMatchObject([{ method: 'manifest', params: { author: self.peer, seq: 1_000 } }]);
  });

  it('git is made ready for those who lack something of a manifest, and for nobody else', async () => {
    const fromBob = join(bob, 'Bob');
    join(carol, 'Carol');
    const main = 'refs/heads/main' as RefName;
    const at = (digit: string) => new Map([[main, digit.repeat(40) as never]]);
    await conversation.announce(at('1'), undefined);
    await conversation.announce(at('1'), undefined);
    // Bob made it, and we have it from him.
    const binding = { session: record.session, repo: repoIdentity([]), epoch: 1 };
    const bobs = new ManifestLedger(bob, binding, { manifests: [] }).announce(at('2'), undefined, 5_000);
    await fromBob.hear('manifest', bobs);
    await conversation.announce(at('2'), undefined);
    expect(expected).toEqual([2, 0, 1]);
  });

  it('everybody’s newest refs, when somebody wants to sync: one that does not answer is not waited for', async () => {
    const [bobs, carols] = [join(bob, 'Bob'), join(carol, 'Carol')];
    carols.answer = () => Promise.reject(new Error('silent'));
    await conversation.hearEverybody();
    for (const link of [bobs, carols]) expect(link.said.at(-1)?.method).toBe('ping');
    expect(await bobs.hear('ping', {})).toEqual({});
  });
});
