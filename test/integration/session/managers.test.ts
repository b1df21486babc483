import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Home } from '../../../extension/src/p2p/home.ts';
import { Networks } from '../../../extension/src/p2p/networks.ts';
import { P2PManager, type ManagerParts } from '../../../extension/src/p2p/manager.ts';
import { SystemGitProvider } from '../../../extension/src/p2p/repo/git/provider.ts';
import { settings, type EngineEvent } from '../../../extension/src/rpc/contract.ts';
import type { PeerView, SessionView } from '../../../extension/src/rpc/model.ts';
import { silentLogger } from '../../../extension/src/shared/log.ts';
import { commit, git, gitInput, revParse } from '../../support/git.ts';
import { worldOfTwo, type Person, type World } from '../../support/people.ts';
import { rejectionReason } from '../../support/reason.ts';

const AUTO = settings.parse({ listen: '127.0.0.1:0', approve: 'auto' });
const ASK = settings.parse({ listen: '127.0.0.1:0' });

/** An engine of this process. */
interface Desk {
  readonly manager: P2PManager;
  readonly events: EngineEvent[];
  /** Resolves as soon as the state is as wanted. */
  until(wanted: (sessions: SessionView[]) => boolean): Promise<void>;
}

let world: World;
let alice: Person;
let bob: Person;
let desks: Desk[];
beforeEach(() => {
  ({ world, alice, bob } = worldOfTwo());
  desks = [];
});
afterEach(async () => {
  for (const { manager } of desks) await manager.suspendAll();
  await world.end();
});

function desk(person: Person, parts: Partial<ManagerParts> = {}): Desk {
  const networks = new Networks({ version: 'test', log: silentLogger });
  const manager = new P2PManager({
    home: new Home(person.home),
    provider: new SystemGitProvider(),
    openNetwork: networks.open,
    applySettings: (settings) => networks.apply(settings),
    version: 'test',
    log: silentLogger,
    now: () => Date.now(),
    onLocked: () => undefined,
    ...parts,
  });
  const events: EngineEvent[] = [];
  manager.onEvent((event) => events.push(event));
  const until = (wanted: (sessions: SessionView[]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void =>
        void manager.state().then(({ sessions }) => {
          if (!wanted(sessions)) return;
          subscription.dispose();
          resolve();
        });
      const subscription = manager.onChange(look);
      look();
    });
  desks.push({ manager, events, until });
  return { manager, events, until };
}

const peerOf = (sessions: SessionView[], name: string): PeerView | undefined =>
  sessions[0]?.peers.find((peer) => peer.name === name);
const joining = (person: Person, invite: string) => ({
  invite,
  directory: person.repo,
  link: false,
  name: person.name,
});

describe('[SE4] approval', () => {
  it('that does not come in time is a refusal, which the guest sees as such; nothing is left', async () => {
    const host = desk(alice, { approvalTimeoutMs: 300 });
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', ASK);
    const { usable, session } = await guest.manager.join(joining(bob, code), ASK);
    await guest.until(([view]) => view?.phase === 'waiting-approval');
    expect(await rejectionReason(usable)).toBe('join-timeout');
    expect(await rejectionReason(session)).toBe('join-timeout');
    expect((await guest.manager.state()).sessions).toEqual([]);
    expect((await host.manager.state()).sessions[0]).toMatchObject({ approvals: [], peers: [] });
    expect(existsSync(bob.repo)).toBe(false);
  });

  it('of an invite that has expired: the owner gives out a new one, and only that lets in', async () => {
    let now = Date.now();
    const host = desk(alice, { now: () => now });
    const { code: old, session } = await host.manager.share(alice.repo, 'Alice', AUTO);
    expect((await session.invite()).code).toBe(old);
    now += 25 * 3_600_000;
    const [first, second] = await Promise.all([session.invite(), session.invite()]);
    expect(first.code).not.toBe(old);
    expect(second.code).toBe(first.code);
    // The guest's own clock is a day behind, so it is the host who says that the old one is void.
    expect(await rejectionReason((await desk(bob).manager.join(joining(bob, old), AUTO)).session)).toBe('not-admitted');
    await (
      await desk(bob).manager.join(joining(bob, first.code), AUTO)
    ).session;
  });
});

describe('sync', () => {
  it('brings everything that others have at that moment, and resolves then', async () => {
    const host = desk(alice);
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', AUTO);
    const session = await (await guest.manager.join(joining(bob, code), AUTO)).session;
    await guest.until((sessions) => peerOf(sessions, 'Alice')?.inSync === true);
    for (let n = 0; n < 5; n++) {
      const made = commit(alice.repo, { [`${n}`]: '1\n' });
      // Whether or not the host has noticed by itself yet.
      await session.sync();
      expect(revParse(bob.repo, 'main')).toBe(made);
    }
    await host.manager.session(alice.repo).sync();
    await host.until((sessions) => peerOf(sessions, 'Bob')?.inSync === true);
  });

  it('resolves when nobody is there', async () => {
    const host = desk(alice);
    const { session } = await host.manager.share(alice.repo, 'Alice', AUTO);
    await session.sync();
    const made = git(alice.repo, 'rev-parse', 'main');
    expect((await host.manager.state()).sessions[0]?.self).toMatchObject({ branch: 'main', head: made });
  });
});

describe('settings that change while a session runs', () => {
  it('act at once: automatic sync, and who lets guests in', async () => {
    const host = desk(alice);
    const guest = desk(bob);
    const { code, session } = await host.manager.share(alice.repo, 'Alice', ASK);
    const waiting = await guest.manager.join(joining(bob, code), AUTO);
    await host.until(([view]) => view?.approvals.length === 1);
    session.decide((await host.manager.state()).sessions[0]!.approvals[0]!.id, 'allow');
    const joined = await waiting.session;
    guest.manager.applySettings({ ...AUTO, autoSync: false });
    const before = revParse(bob.repo, 'main');
    const made = commit(alice.repo, { 'a.txt': '1\n' });
    await joined.sync();
    expect(revParse(bob.repo, 'main')).toBe(before);
    expect(revParse(bob.repo, 'peers/alice/main')).toBe(made);
    guest.manager.applySettings(AUTO);
    await joined.sync();
    expect(revParse(bob.repo, 'main')).toBe(made);

    // What is done about branches that diverge, while nobody chose otherwise; for whom it is settled, the other follows.
    guest.manager.applySettings({ ...AUTO, autoSync: false });
    commit(alice.repo, { 'b.txt': '1\n' });
    commit(bob.repo, { 'c.txt': '1\n' });
    await joined.sync();
    await guest.until(([view]) => view?.conflicts.length === 1);
    expect(peerOf((await guest.manager.state()).sessions, 'Alice')).toMatchObject({ diverged: 1 });
    guest.manager.applySettings({ ...AUTO, strategy: 'auto-merge' });
    await guest.until(([view]) => view?.strategy === 'auto-merge' && view.conflicts.length === 0);
    await session.sync();
    await host.until((sessions) => peerOf(sessions, 'Bob')?.inSync === true);
    expect(revParse(alice.repo, 'main')).toBe(revParse(bob.repo, 'main'));

    host.manager.applySettings(AUTO);
    const carol = world.person('Carol');
    await (
      await desk(carol).manager.join(joining(carol, code), AUTO)
    ).session;
  });
});

describe('signaling URLs', () => {
  it('that are none are refused before anything is shared', async () => {
    const host = desk(alice);
    for (const signalingUrl of [['signal.example.org'], ['https://signal.example.org'], ['ws://a', 'nonsense']]) {
      const shared = host.manager.share(alice.repo, 'Alice', { ...AUTO, signalingUrl });
      expect(await rejectionReason(shared)).toBe('bad-request');
    }
    expect((await host.manager.state()).sessions).toEqual([]);
  });
});

describe('a repository of many branches', () => {
  it('is shared, joined and kept up', async () => {
    const tip = revParse(alice.repo, 'main');
    const many = Array.from({ length: 2_000 }, (_, n) => `create refs/heads/team-${n % 20}/branch-${n} ${tip}\n`);
    gitInput(alice.repo, many.join(''), 'update-ref', '--stdin');
    const host = desk(alice);
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', AUTO);
    const session = await (await guest.manager.join(joining(bob, code), AUTO)).session;
    await guest.until((sessions) => peerOf(sessions, 'Alice')?.inSync === true);
    expect(git(bob.repo, 'for-each-ref', '--count=5000', 'refs/heads').split('\n')).toHaveLength(2_001);
    const made = commit(alice.repo, { 'a.txt': '1\n' });
    await session.sync();
    expect(revParse(bob.repo, 'main')).toBe(made);
  });
});

describe('coming and going', () => {
  it('who left comes back without an invite that counts, under the name it had', async () => {
    const host = desk(alice);
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', ASK);
    const first = await guest.manager.join(joining(bob, code), AUTO);
    await host.until(([view]) => view?.approvals.length === 1);
    const [view] = (await host.manager.state()).sessions;
    host.manager.session(alice.repo).decide(view!.approvals[0]!.id, 'allow');
    await first.session;
    await guest.manager.leave(bob.repo);
    await host.until(([each]) => each?.peers.length === 0);
    const made = commit(alice.repo, { 'while-away': '1\n' });
    // A member is not asked about again (SE5).
    const again = await guest.manager.join({ ...joining(bob, code), link: true }, AUTO);
    await (await again.session).sync();
    expect(revParse(bob.repo, 'main')).toBe(made);
    await host.until((sessions) => peerOf(sessions, 'Bob')?.inSync === true);
  });

  it('a second clone with the same identity takes over; the first rests, and neither fights', async () => {
    const host = desk(alice);
    const { code } = await host.manager.share(alice.repo, 'Alice', AUTO);
    const first = desk(bob);
    await (
      await first.manager.join(joining(bob, code), AUTO)
    ).session;
    await first.until((sessions) => peerOf(sessions, 'Alice')?.inSync === true);
    const second = desk(bob);
    const elsewhere = { ...bob, repo: `${bob.repo}-2` };
    await (
      await second.manager.join(joining(elsewhere, code), AUTO)
    ).session;
    await first.until((sessions) => peerOf(sessions, 'Alice')?.state === 'offline');
    await second.until((sessions) => peerOf(sessions, 'Alice')?.inSync === true);
    const made = commit(alice.repo, { 'a.txt': '1\n' });
    await second.manager.session(elsewhere.repo).sync();
    expect(revParse(elsewhere.repo, 'main')).toBe(made);
    const ups = first.events.filter((event) => event.event === 'peer' && event.state === 'online');
    expect(ups).toHaveLength(1);
  });

  it('a join that cannot go on lets go of everything: the folder, its lock, the link', async () => {
    const host = desk(alice);
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', AUTO);
    git(world.folder.path, 'init', '--quiet', bob.repo);
    commit(bob.repo, { other: 'project\n' });
    const linking = { ...joining(bob, code), link: true };
    for (let n = 0; n < 2; n++) {
      expect(await rejectionReason((await guest.manager.join(linking, AUTO)).session)).toBe('unrelated-repository');
    }
    await host.until((sessions) => peerOf(sessions, 'Bob')?.state !== 'online');
    // Nobody holds it: it can be shared.
    await guest.manager.share(bob.repo, 'Bob', AUTO);
  });

  it('a session that was left holds nothing: no socket, no timer, no process, no watcher', async () => {
    const resources = (): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    };
    const before = resources();
    const host = desk(alice);
    const guest = desk(bob);
    const { code } = await host.manager.share(alice.repo, 'Alice', AUTO);
    await (
      await guest.manager.join(joining(bob, code), AUTO)
    ).session;
    await guest.until((sessions) => peerOf(sessions, 'Alice')?.inSync === true);
    await guest.manager.leave(bob.repo);
    await host.manager.leave(alice.repo);
    const held = (): [string, number][] =>
      Object.entries(resources()).filter(([name, count]) => count > (before[name] ?? 0) && name !== 'Immediate');
    // Handles close in later turns, and links give their last message a moment.
    const until = performance.now() + 5_000;
    while (held().length > 0 && performance.now() < until) await turn();
    expect(held()).toEqual([]);
    expect(existsSync(join(bob.repo, '.git/peerweave/session.json'))).toBe(false);
  });
});
