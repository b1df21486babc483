import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JoinParams } from '../../../extension/src/p2p/link/control-protocol.ts';
import { createIdentity } from '../../../extension/src/p2p/link/identity.ts';
import { Gatekeeper, type GatekeeperOptions } from '../../../extension/src/p2p/session/gatekeeper.ts';
import { newSecret, newSessionId } from '../../../extension/src/p2p/session/invite.ts';
import { proveInvite } from '../../../extension/src/p2p/session/proof.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { rejectionReason } from '../../support/reason.ts';
import { fakeLink, type FakeLink } from './fake-link.ts';

const host = createIdentity();
const session = newSessionId();
const secret = newSecret();
let members: Set<PeerId>;
let admitted: string[];
let keeper: Gatekeeper;

function gatekeeper(options: Partial<GatekeeperOptions> = {}): Gatekeeper {
  return new Gatekeeper({
    self: host.peer,
    hostName: 'Ada',
    session,
    log: silentLogger,
    invite: () => ({ secret, expiresAt: 1_000 }),
    approve: () => 'ask',
    isMember: (peer) => members.has(peer),
    awaitMember: () => Promise.reject(new Error('nobody came')),
    remembers: () => Promise.resolve(false),
    remember: () => Promise.resolve(),
    admit: (link, name) => {
      members.add(link.peer);
      admitted.push(name);
    },
    now: () => 0,
    ...options,
  });
}

const knock = (link: FakeLink): JoinParams => ({
  session,
  name: 'Bob',
  addresses: [],
  proof: proveInvite(secret, { sessionBinding: link.sessionBinding, guest: link.peer, host: host.peer }).toString(
    'base64',
  ),
});
/** Asks to be let in, and waits until a person is asked. */
async function waiting(link: FakeLink): Promise<{ answer: Promise<void> }> {
  const answer = keeper.admit(link, knock(link));
  answer.catch(() => undefined);
  while (!keeper.approvals.some(({ peer }) => peer === link.peer)) await delay(0);
  return { answer };
}

beforeEach(() => {
  members = new Set();
  admitted = [];
  keeper = gatekeeper();
});

describe('[SE4] a guest with an invite', () => {
  it('waits for a person, who lets it in', async () => {
    const link = fakeLink({ self: host.peer });
    const { answer } = await waiting(link);
    expect(link.said).toMatchObject([{ method: 'waiting', params: { seconds: 300 } }]);
    expect(keeper.decide(keeper.approvals[0]!.id, 'allow')).toBe(true);
    await answer;
    expect(admitted).toEqual(['Bob']);
    expect(keeper.approvals).toEqual([]);
  });

  it('whom nobody answers is refused in time, and no answer counts any more', async () => {
    keeper = gatekeeper({ approvalTimeoutMs: 10 });
    const { answer } = await waiting(fakeLink({ self: host.peer }));
    const [approval] = keeper.approvals;
    expect(await rejectionReason(answer)).toBe('join-timeout');
    expect(keeper.approvals).toEqual([]);
    expect(keeper.decide(approval!.id, 'allow')).toBe(false);
    expect(admitted).toEqual([]);
  });

  it('that goes while it waits is nobody to decide about', async () => {
    const link = fakeLink({ self: host.peer });
    const { answer } = await waiting(link);
    await link.close(new PeerweaveError('link-lost', 'gone'));
    expect(await rejectionReason(answer)).toBe('link-lost');
    expect(keeper.approvals).toEqual([]);
  });

  it('that asks twice waits once: the later request counts', async () => {
    const [first, second] = [1, 2].map(() => fakeLink({ self: host.peer, peer: createIdentity().peer }));
    const again = fakeLink({ self: host.peer, peer: first!.peer });
    const earlier = await waiting(first!);
    await waiting(second!);
    const later = keeper.admit(again, knock(again));
    expect(await rejectionReason(earlier.answer)).toBe('link-duplicate');
    while (keeper.approvals.length < 2) await delay(0);
    expect(keeper.approvals.map(({ peer }) => peer)).toEqual([second!.peer, first!.peer]);
    keeper.decide(keeper.approvals[1]!.id, 'allow');
    await later;
    expect(admitted).toEqual(['Bob']);
  });

  it('of whom too many wait is told to come later; a place that is free again is given away', async () => {
    const links = Array.from({ length: 20 }, () => fakeLink({ self: host.peer }));
    for (const link of links) await waiting(link);
    const late = fakeLink({ self: host.peer });
    expect(await rejectionReason(keeper.admit(late, knock(late)))).toBe('rate-limited');
    await links[7]!.close(new PeerweaveError('link-lost', 'gone'));
    await waiting(late);
    expect(keeper.approvals).toHaveLength(20);
  });

  it('is answered when the host leaves', async () => {
    const { answer } = await waiting(fakeLink({ self: host.peer }));
    keeper.close(new PeerweaveError('peer-left', 'Ada left.'));
    expect(await rejectionReason(answer)).toBe('peer-left');
    expect(keeper.approvals).toEqual([]);
    const late = fakeLink({ self: host.peer });
    expect(await rejectionReason(keeper.admit(late, knock(late)))).toBe('peer-left');
  });

  it('gets in although it cannot be remembered', async () => {
    keeper = gatekeeper({ remember: () => Promise.reject(new Error('EACCES /home/ada')) });
    const { answer } = await waiting(fakeLink({ self: host.peer }));
    keeper.decide(keeper.approvals[0]!.id, 'remember');
    await answer;
    expect(admitted).toEqual(['Bob']);
  });

  it('is asked about when the list of remembered peers cannot be read', async () => {
    keeper = gatekeeper({ remembers: () => Promise.reject(new Error('EACCES /home/ada')) });
    await waiting(fakeLink({ self: host.peer }));
    expect(keeper.approvals).toHaveLength(1);
  });

  it('that is gone when the answer is written down does not enter the roster', async () => {
    const link = fakeLink({ self: host.peer });
    keeper = gatekeeper({ remember: () => link.close(new PeerweaveError('link-lost', 'gone')) });
    const { answer } = await waiting(link);
    keeper.decide(keeper.approvals[0]!.id, 'remember');
    expect(await rejectionReason(answer)).toBe('link-lost');
    expect(admitted).toEqual([]);
  });
});

describe('nobody else', () => {
  it('[SE4] gets in with another secret, an old invite, another session or no proof', async () => {
    const link = fakeLink({ self: host.peer });
    const params = knock(link);
    const other = fakeLink({ self: host.peer });
    const refused: [Gatekeeper, FakeLink, JoinParams][] = [
      // The proof of one guest, said by another.
      [keeper, other, params],
      [keeper, link, { ...params, session: newSessionId() }],
      [keeper, link, { session, name: 'Bob', addresses: [] }],
      [gatekeeper({ invite: () => ({ secret: newSecret(), expiresAt: 1_000 }) }), link, params],
      // [SE7] is not ours yet: a member that holds no invite lets nobody in.
      [gatekeeper({ invite: () => undefined }), link, params],
    ];
    for (const [each, from, said] of refused) {
      expect(await rejectionReason(each.admit(from, said))).toBe('not-admitted');
    }
    const late = gatekeeper({ now: () => 1_000 });
    expect(await rejectionReason(late.admit(link, params))).toBe('invite-expired');
    expect(admitted).toEqual([]);
  });

  it('strangers that pretend to be members do not pile up', async () => {
    keeper = gatekeeper({ awaitMember: () => new Promise(() => undefined) });
    const ask = (): Promise<void> => keeper.admit(fakeLink({ self: host.peer }), { session, name: 'X', addresses: [] });
    for (let n = 0; n < 64; n++) void ask();
    expect(await rejectionReason(ask())).toBe('rate-limited');
  });
});
