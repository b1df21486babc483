import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JoinParams, Welcome } from '../../../extension/src/p2p/link/control-protocol.ts';
import type { DialRequest, LinkHost } from '../../../extension/src/p2p/link/link-host.ts';
import type { Link } from '../../../extension/src/p2p/link/link.ts';
import { newSessionId } from '../../../extension/src/p2p/session/invite.ts';
import { Mesh } from '../../../extension/src/p2p/session/mesh.ts';
import type { TransportAddress } from '../../../extension/src/p2p/transport/transport.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { PeerId } from '../../../extension/src/shared/ids.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { fakeLink, type FakeLink } from './fake-link.ts';

const id = (letter: string): PeerId => `SHA256:${letter.repeat(43)}` as PeerId;
/** `low` < `self` < `high`: the lower of two dials first. */
const [low, self, high] = [id('A'), id('M'), id('Z')];
const SOMEWHERE: TransportAddress[] = [{ tier: 'tcp', value: '192.0.2.7:1' }];
const JOIN: JoinParams = { session: newSessionId(), name: 'x', addresses: [] };

let incoming: Emitter<Link>;
let dials: { request: DialRequest; succeed: (link: FakeLink) => void; fail: (error: Error) => void }[];
let members: PeerId[];
let addresses: Map<PeerId, TransportAddress[]>;
let admit: (link: Link, params: JoinParams) => Promise<Welcome>;
let mesh: Mesh;
let heard: string[];

const nameOf = (peer: PeerId): string => (peer === low ? 'low' : peer === high ? 'high' : 'other');
const lost = new PeerweaveError('link-lost', 'gone');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  incoming = new Emitter();
  dials = [];
  members = [low, high];
  addresses = new Map([
    [low, SOMEWHERE],
    [high, SOMEWHERE],
  ]);
  admit = () => Promise.resolve({} as Welcome);
  heard = [];
  const host = {
    onLink: incoming.event,
    dial: (request: DialRequest) =>
      new Promise<Link>((succeed, fail) => {
        request.signal?.addEventListener('abort', () => fail(new PeerweaveError('cancelled', 'cancelled')));
        dials.push({ request, succeed, fail });
      }),
  } as unknown as LinkHost;
  mesh = new Mesh({
    self,
    log: silentLogger,
    host,
    members: () => members,
    addresses: (peer) => addresses.get(peer) ?? [],
    admit: (link, params) => admit(link, params),
    joinParams: () => JOIN,
    welcomed: () => undefined,
    prepare: () => undefined,
  });
  mesh.onUp((link) => heard.push(`up ${nameOf(link.peer)}`));
  mesh.onDown(({ link }) => heard.push(`down ${nameOf(link.peer)}`));
});
afterEach(() => {
  mesh.dispose();
  vi.useRealTimers();
});

const link = (peer: PeerId, facts: { dialer?: boolean; dial?: number; instance?: string } = {}): FakeLink =>
  fakeLink({ self, peer, ...facts });
const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn();
};
async function calls(from: FakeLink): Promise<void> {
  incoming.fire(from);
  await from.hear('join', JOIN);
  await settle();
}

describe('links to members', () => {
  it('the lower id dials at once, the higher a while later, and nobody where no address is known', async () => {
    addresses.delete(high);
    mesh.connect();
    await vi.advanceTimersByTimeAsync(0);
    expect(dials).toHaveLength(0);
    addresses.set(high, SOMEWHERE);
    mesh.connect();
    await vi.advanceTimersByTimeAsync(0);
    expect(dials.map(({ request }) => request.peer)).toEqual([high]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(dials.map(({ request }) => request.peer)).toEqual([high, low]);
  });

  it('a member is up once, and down when its last link goes', async () => {
    mesh.connect();
    await vi.advanceTimersByTimeAsync(0);
    const dialed = link(high, { dialer: true });
    dials[0]!.succeed(dialed);
    await settle();
    expect(heard).toEqual(['up high']);
    await dialed.close(lost);
    await settle();
    expect(heard).toEqual(['up high', 'down high']);
  });

  it('[LI4] a link that a member has made knows where the member is too, so that either end can bring it back', async () => {
    const called = link(low);
    await calls(called);
    expect(called.knownAddresses).toEqual(SOMEWHERE);
    const stranger = link(id('x'));
    admit = () => Promise.reject(new PeerweaveError('join-refused', 'No.'));
    incoming.fire(stranger);
    await stranger.hear('join', JOIN).catch(() => undefined);
    expect(stranger.knownAddresses).toBeUndefined();
  });

  it('[LI5] of a call each way the one that both agree on stays: the other is not given up half-way', async () => {
    mesh.connect();
    await vi.advanceTimersByTimeAsync(0);
    // Ours to `high` is at its `join` when the call of `high` is let in; `self` is the lower, so ours must survive on both sides.
    const ours = link(high, { dialer: true });
    let welcome: () => void = () => undefined;
    ours.answer = () => new Promise((resolve) => (welcome = () => resolve({})));
    dials[0]!.succeed(ours);
    await settle();
    const theirs = link(high);
    await calls(theirs);
    expect(ours.state).toBe('connected');
    welcome();
    await settle();
    expect(mesh.link(high)).toBe(ours);
    expect(theirs.closedFor?.reason).toBe('link-duplicate');
    expect(heard.at(-1)).toBe('up high');
  });

  it('a link that dies while it takes over from another leaves the member down, and it is dialed again', async () => {
    const old = link(high, { dialer: true });
    await mesh.adopt(old);
    const newer = link(high, { instance: 'two' });
    // The old one takes its time to close; the new one dies meanwhile.
    const close = old.close.bind(old);
    old.close = async (error) => {
      await newer.close(lost);
      await close(error);
    };
    await calls(newer);
    expect(mesh.link(high)).toBeUndefined();
    expect(heard).toEqual(['up high', 'down high']);
  });

  it('fails more and more slowly, and at once again when there is news of where the member is', async () => {
    members = [high];
    mesh.connect();
    const waits = [0, 500, 1_000, 2_000];
    for (const [index, ms] of waits.entries()) {
      await vi.advanceTimersByTimeAsync(ms);
      expect(dials).toHaveLength(index + 1);
      dials[index]!.fail(new PeerweaveError('unreachable', 'nobody'));
      await settle();
    }
    mesh.connect();
    await vi.advanceTimersByTimeAsync(0);
    expect(dials).toHaveLength(4);
    mesh.redial(high);
    await vi.advanceTimersByTimeAsync(0);
    expect(dials).toHaveLength(5);
  });

  it('a member that somebody else with our key has taken over is not fought for', async () => {
    members = [high];
    const mine = link(high, { dialer: true });
    await mesh.adopt(mine);
    await mine.close(new PeerweaveError('link-duplicate', 'another'));
    mesh.connect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dials).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dials).toHaveLength(1);
  });
});

describe('strangers', () => {
  it('that do not ask to join are hung up on', async () => {
    const stranger = link(id('x'));
    incoming.fire(stranger);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(stranger.closedFor?.reason).toBe('timeout');
  });

  it('join once on each link', async () => {
    const guest = link(id('x'));
    incoming.fire(guest);
    await guest.hear('join', JOIN);
    await expect(guest.hear('join', JOIN)).rejects.toMatchObject({ reason: 'protocol-violation' });
  });

  it('are not many: the one that has been silent longest goes', async () => {
    const strangers = Array.from({ length: 65 }, () => fakeLink({ self }));
    for (const stranger of strangers) incoming.fire(stranger);
    expect(strangers.filter(({ state }) => state === 'closed')).toEqual([strangers[0]]);
  });

  it('[SE8] that are refused learn the reason, and nothing of what went wrong inside', async () => {
    admit = () => Promise.reject(new Error("EACCES: permission denied, open '/home/ada/secret'"));
    const guest = link(id('x'));
    incoming.fire(guest);
    await guest.hear('join', JOIN).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(guest.closedFor?.reason).toBe('internal');
    expect(guest.closedFor?.message).not.toMatch(/ada/);
    expect(heard).toEqual([]);
    expect(mesh.links()).toEqual([]);
  });
});
