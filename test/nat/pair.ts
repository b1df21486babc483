import type { Disposable } from '../../extension/src/shared/disposable.ts';
import type { Route } from '../../extension/src/p2p/transport/transport.ts';
import type { Oid } from '../../extension/src/shared/ids.ts';
import type { PeerView } from '../../extension/src/rpc/model.ts';
import type { TimedEvent } from '../support/engine-process.ts';
import { commit, fsck, initRepository, revParse } from '../support/git.ts';
import type { NatName } from './lab/nat-kinds.ts';
import type { Participant } from './lab/participant.ts';
import { until } from './lab/until.ts';
import type { World } from './lab/world.ts';

/** A route and when it was taken, in milliseconds since the guest's command was started: for people, never for assertions. */
export interface TimedRoute {
  readonly route: Route;
  readonly ms: number;
}

type PeerEvent = Extract<TimedEvent, { event: 'peer' }>;
const isPeerEvent = (event: TimedEvent): event is PeerEvent => event.event === 'peer';

/** Several attempts of whatever is waited for fit in, on a busy machine. */
const PATIENCE_MS = 60_000;
/** A better route is tried three times in half a minute and then a minute later (`link-timings.ts`). */
const UPGRADE_PATIENCE_MS = 130_000;

/** Two people at two homes, the first of whom has a repository to share. */
export class Pair implements Disposable {
  readonly host: Participant;
  readonly guest: Participant;
  private startedAt = 0;

  constructor(world: World, [host, guest]: readonly [NatName, NatName]) {
    this.host = world.participant('ada', host);
    this.guest = world.participant('bea', guest);
    initRepository(this.host.repo);
    commit(this.host.repo, { 'README.md': '# Project\n' }, 'Begin');
  }

  /** Shares and joins, with these flags on both sides; resolves when the guest has everything. */
  async connect(...flags: string[]): Promise<void> {
    const invite = await this.host.share(...flags);
    this.startedAt = performance.now();
    const engine = this.guest.join(invite, ...flags);
    await engine.event(({ event }) => event === 'synced', { timeoutMs: PATIENCE_MS });
  }

  /** Resolves when both say that they are connected by `route`. */
  async settle(route: Route): Promise<void> {
    for (const person of [this.host, this.guest]) {
      const connected = async (): Promise<boolean> => (await person.peers())[0]?.route === route;
      await until(connected, `connected by ${route}`, { timeoutMs: UPGRADE_PATIENCE_MS, everyMs: 500 });
    }
  }

  /** The routes that the host has seen so far, each change once. */
  get routes(): readonly TimedRoute[] {
    const seen: TimedRoute[] = [];
    for (const { route, at } of this.host.engine.events.filter(isPeerEvent)) {
      if (route === undefined || route === seen.at(-1)?.route) continue;
      seen.push({ route: route as Route, ms: Math.round(at - this.startedAt) });
    }
    return seen;
  }

  /** When the first bytes of the repository were at the guest. */
  get firstByteMs(): number | undefined {
    const first = this.guest.engine.events.find(({ event }) => event === 'progress');
    return first && Math.round(first.at - this.startedAt);
  }

  /** What the host sees of the guest now; undefined when there is none. */
  async guestView(): Promise<PeerView | undefined> {
    return (await this.host.peers())[0];
  }

  /** The guest sees that something is committed at the host, once it has been; resolves when it is in the guest's branch. */
  async guestFollows(tip: Oid, timeoutMs = PATIENCE_MS): Promise<void> {
    await this.guest.engine.ref('refs/heads/main', tip, { timeoutMs });
  }

  /** A commit of each goes to the other; both end at the same tip, in sound repositories. */
  async exchange(): Promise<void> {
    await this.guestFollows(commit(this.host.repo, { 'host.txt': 'from the host\n' }, 'Of the host'));
    const tip = commit(this.guest.repo, { 'guest.txt': 'from the guest\n' }, 'Of the guest');
    await this.host.engine.ref('refs/heads/main', tip, { timeoutMs: PATIENCE_MS });
    this.checkSound(tip);
  }

  /** Throws unless both branches are at `tip` and git finds nothing wrong. */
  checkSound(tip: Oid): void {
    for (const { repo } of [this.host, this.guest]) {
      if (revParse(repo, 'refs/heads/main') !== tip) throw new Error(`main of ${repo} is not at ${tip}.`);
      fsck(repo);
    }
  }

  dispose(): void {
    this.guest.dispose();
    this.host.dispose();
  }
}
