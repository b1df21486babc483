import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Resolution } from '../../extension/src/rpc/conflicts.ts';
import { settings } from '../../extension/src/rpc/contract.ts';
import type { Link } from '../../extension/src/p2p/link/link.ts';
import type { RefMove, Repository } from '../../extension/src/p2p/repo/repository.ts';
import { ConflictDesk } from '../../extension/src/p2p/session/conflict-desk.ts';
import { MoveHistory } from '../../extension/src/p2p/session/move-history.ts';
import type { SessionRecord } from '../../extension/src/p2p/session/session-store.ts';
import { StrategyBook } from '../../extension/src/p2p/session/strategy-book.ts';
import { SyncDriver, type SyncHost } from '../../extension/src/p2p/session/sync-driver.ts';
import { branchConflicts } from '../../extension/src/p2p/sync/branch-conflicts.ts';
import type { BranchState } from '../../extension/src/p2p/sync/model.ts';
import type { PersistedSync } from '../../extension/src/p2p/sync/persisted.ts';
import { SyncCore } from '../../extension/src/p2p/sync/sync-core.ts';
import type { Strategy } from '../../extension/src/p2p/sync/strategy.ts';
import type { BranchName, Oid, PeerId } from '../../extension/src/shared/ids.ts';
import { silentLogger } from '../../extension/src/shared/log.ts';
import { lines } from './diverged.ts';
import { commit, git, initRepository, revParse, tempFolder, writeFiles, type TempFolder } from './git.ts';
import { connectTo, provider } from './two-repositories.ts';

/** Changes of `f` in which two sides agree on nothing (`top` and `otherTop`), or which merge by themselves (with `bottom`). */
export const top = { f: lines(9, { 1: 'top' }) };
export const otherTop = { f: lines(9, { 1: 'another top' }) };
export const bottom = { f: lines(9, { 9: 'bottom' }) };

/** Settles `top` and `otherTop`. */
export const decided = {
  how: 'merge',
  files: [{ path: 'f', use: 'text', text: 'both\n' }],
  message: 'Settled',
} satisfies Resolution;

type Files = Readonly<Record<string, string>>;

export interface Side {
  /** What is committed; absent for no commit at all. */
  readonly files?: Files | undefined;
  /** Default `manual`. */
  readonly strategy?: Strategy;
  /** Written after the commit, and not committed. */
  readonly dirty?: Files;
}

/** The number of the last announcement, whoever made it: they only rise, also over a restart. */
let announcements = 0;

/**
 * A repository with a core, a driver and a conflict desk; what it announces reaches the others at once, and objects come by git's own
 * protocol.
 */
export class Wayfarer {
  readonly letter: string;
  readonly root: string;
  readonly id: PeerId;
  readonly core: SyncCore;
  readonly repository: Repository;
  readonly driver: SyncDriver;
  readonly desk: ConflictDesk;
  readonly history: MoveHistory;
  /** Moves that were told as this person's own. */
  readonly told: RefMove[] = [];
  /** What a restart would find. */
  saved: PersistedSync | undefined;
  private others: readonly Wayfarer[] = [];

  constructor(letter: string, root: string, repository: Repository, strategy: Strategy, restored?: PersistedSync) {
    this.letter = letter;
    this.id = `SHA256:${letter.repeat(43)}` as PeerId;
    this.root = root;
    this.repository = repository;
    const strategies = new StrategyBook({} as SessionRecord, strategy);
    this.core = new SyncCore({ strategies: strategies.current, ...(restored === undefined ? {} : { restored }) });
    this.driver = new SyncDriver(this.core, repository, this.host());
    this.desk = new ConflictDesk({
      repository,
      core: this.core,
      driver: this.driver,
      strategies,
      settings: settings.parse({ strategy }),
      log: silentLogger,
      name: letter,
      nameOf: (peer) => this.host().nameOf(peer),
      links: () => [],
      now: () => 1_700_000_000_000,
      moved: () => undefined,
      changed: () => undefined,
      save: () => Promise.resolve(this.save()),
    });
    this.history = new MoveHistory({
      repository,
      driver: this.driver,
      moved: (move) => this.told.push(move),
      save: () => Promise.resolve(this.save()),
    });
  }

  async meet(...others: Wayfarer[]): Promise<void> {
    this.others = others;
    for (const { id } of others) this.driver.handle({ type: 'peer-up', peer: id });
    await this.driver.start();
  }

  get tip(): Oid {
    return revParse(this.root, 'main');
  }

  get main(): BranchState | undefined {
    return this.branch('main');
  }

  branch(name: string): BranchState | undefined {
    return this.core.branches().find(({ branch }) => branch === name);
  }

  /** As git says it in short. */
  get status(): string {
    return git(this.root, 'status', '--porcelain');
  }

  /** Parents of the tip of `main`, as git prints them. */
  get parents(): string {
    return git(this.root, 'show', '-s', '--format=%P', 'main');
  }

  /** What is kept, as `<branch>/<tip>`. */
  get kept(): string[] {
    const refs = git(this.root, 'for-each-ref', '--format=%(refname:lstrip=3)', 'refs/peerweave/kept');
    return refs.split('\n').filter(Boolean);
  }

  /** `main` gets there, and the engine is done with it: whoever runs git then finds no lock. */
  async comesTo(tip: Oid | null): Promise<void> {
    await expect.poll(() => this.tip).toBe(tip);
    await this.driver.idle();
  }

  /** Once more, with everything that can be read and fetched now. */
  async sync(): Promise<void> {
    this.driver.handle({ type: 'sync-now' });
    await this.driver.idle();
  }

  /** The tips of the conflict on `main`, ours first; empty without one. */
  get tips(): Oid[] {
    const [conflict] = branchConflicts(this.core.branches()).filter(({ branch }) => branch === 'main');
    return conflict?.candidates.map(({ tip }) => tip) ?? [];
  }

  /** Settles `main` as it stands. */
  settle(resolution: Parameters<ConflictDesk['settle']>[2], reviewed = false): Promise<Oid | null> {
    return this.desk.settle('main' as BranchName, this.tips, resolution, reviewed);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  async leave(): Promise<void> {
    this.desk.dispose();
    await this.driver.stop(5_000);
    this.repository.dispose();
  }

  private save(): void {
    this.saved = this.core.persisted();
  }

  private host(): SyncHost {
    return {
      log: silentLogger,
      link: (peer) => this.linkTo(peer),
      namespace: (peer) => peer.slice(7, 8).toLowerCase(),
      nameOf: (peer) => peer.slice(7, 8),
      announce: (refs) => {
        announcements += 1;
        for (const other of this.others)
          other.driver.handle({ type: 'manifest', peer: this.id, seq: announcements, refs: new Map(refs) });
        return Promise.resolve();
      },
      greet: () => undefined,
      persist: () => this.save(),
      refsMoved: () => undefined,
      synced: () => undefined,
      progress: () => undefined,
      syncFailed: () => undefined,
      changed: () => undefined,
    };
  }

  private linkTo(peer: PeerId): Link | undefined {
    const other = this.others.find(({ id }) => id === peer);
    if (other === undefined) return undefined;
    const connect = connectTo(other.repository);
    return {
      exec: (_: string, { signal }: { signal: AbortSignal }) => connect(signal),
      control: { notify: () => undefined },
    } as unknown as Link;
  }
}

/** Makes people whose ways part. */
export class Crossroads {
  private readonly folder: TempFolder = tempFolder();
  private readonly people: Wayfarer[] = [];
  private count = 0;

  get path(): string {
    return this.folder.path;
  }

  /** People whose `main` diverged from one commit of `f`, each with a change of their own, if they have one. */
  readonly diverged = async (...sides: Side[]): Promise<Wayfarer[]> => {
    this.count += 1;
    const base = initRepository(join(this.path, `base${this.count}`));
    commit(base, { f: lines(9) });
    const found: Wayfarer[] = [];
    for (const [i, { files, strategy = 'manual', dirty }] of sides.entries()) {
      const root = join(this.path, `p${this.count}-${i}`);
      git(this.path, 'clone', '--quiet', base, root);
      if (files !== undefined) commit(root, files, `side ${i}`);
      writeFiles(root, dirty ?? {});
      found.push(new Wayfarer('ABC'[i] ?? 'D', root, await provider.open(root), strategy));
    }
    this.people.push(...found);
    for (const person of found) await person.meet(...found.filter((other) => other !== person));
    return found;
  };

  /** Two people whose sides of `main` differ, each knowing the other's, and the tips of the two. */
  async two(mine: Files, theirs: Files) {
    const [a, b] = (await this.diverged({ files: mine }, { files: theirs })) as [Wayfarer, Wayfarer];
    await expect.poll(() => [a.tips.length, b.tips.length]).toEqual([2, 2]);
    return { a, b, mine: a.tip, theirs: b.tip };
  }

  /** Somebody who has left comes back with what was saved, as after a restart. */
  async back(gone: Wayfarer): Promise<Wayfarer> {
    const again = new Wayfarer(gone.letter, gone.root, await provider.open(gone.root), 'manual', gone.saved);
    this.people[this.people.indexOf(gone)] = again;
    for (const person of this.people) await person.meet(...this.people.filter((other) => other !== person));
    return again;
  }

  /** Everybody leaves. */
  async clear(): Promise<void> {
    for (const person of this.people.splice(0)) await person.leave();
  }

  remove(): void {
    this.folder.remove();
  }
}
