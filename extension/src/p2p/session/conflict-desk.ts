import type { ConflictDetail, ConflictFileDetail, FileVersion, Resolution } from '../../rpc/conflicts.ts';
import type { Settings } from '../../rpc/contract.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import { branchOf, type BranchName, type Oid, type PeerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Link } from '../link/link.ts';
import { Mutex } from '../repo/git/mutex.ts';
import type { KeptTip } from '../repo/merge.ts';
import type { RefMove, Repository } from '../repo/repository.ts';
import { branchConflicts, type BranchConflict } from '../sync/branch-conflicts.ts';
import type { Strategy } from '../sync/strategy.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import { AtWork } from './at-work.ts';
import { conflictAt, ConflictDetails, conflictOn } from './conflict-detail.ts';
import type { Resolving } from './conflict-views.ts';
import { KeptExpiry } from './kept-expiry.ts';
import { describeRefusal, reasonOf, sentence } from './refusal-text.ts';
import { Resolver } from './resolver.ts';
import type { StrategyBook } from './strategy-book.ts';
import type { SyncDriver } from './sync-driver.ts';

/** What a conflict desk needs of the session around it. */
export interface ConflictDeskParts {
  readonly repository: Repository;
  readonly core: SyncCore;
  readonly driver: SyncDriver;
  readonly strategies: StrategyBook;
  readonly settings: Settings;
  readonly log: Logger;
  /** How we are called in the session. */
  readonly name: string;
  readonly nameOf: (peer: PeerId) => string;
  readonly links: () => Iterable<Link>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A branch moved, by a person here. */
  readonly moved: (moves: readonly RefMove[]) => void;
  /** What the views show has changed. */
  readonly changed: () => void;
  /** Saves the session's record. */
  readonly save: () => Promise<void>;
}

/** Where people look at what diverged in a session, and settle it. */
export class ConflictDesk {
  private readonly parts: ConflictDeskParts;
  private readonly details: ConflictDetails;
  private readonly resolver: Resolver;
  private readonly atWork: AtWork;
  private readonly expiry: KeptExpiry;
  /** One settlement at a time: the second then sees what the first has done. */
  private readonly turns = new Mutex();

  constructor(parts: ConflictDeskParts) {
    this.parts = parts;
    const { repository, settings, nameOf, name: fallbackName, now, log, moved } = parts;
    this.details = new ConflictDetails(repository, nameOf);
    this.resolver = new Resolver({ repository, author: () => ({ fallbackName, now: now() }), moved });
    this.atWork = new AtWork(parts);
    this.expiry = new KeptExpiry(repository, settings.keptDays, now, log);
  }

  /** Begins what goes on beside the session. */
  start(): void {
    this.expiry.start();
  }

  dispose(): void {
    this.expiry.dispose();
  }

  applySettings({ strategy, keptDays }: Settings): void {
    const { strategies, driver } = this.parts;
    strategies.applySetting(strategy);
    driver.handle({ type: 'strategies', strategies: strategies.current });
    this.expiry.setDays(keptDays);
  }

  /** A conflict in full (CO1). Throws `conflict-moved` when there is none on the branch, and as `Repository.previewMerge`. */
  async detail(branch: BranchName): Promise<ConflictDetail> {
    const conflict = conflictOn(this.all, branch);
    return this.details.of(conflict, this.atWork.others(branch), this.otherTips(branch));
  }

  /** What our side, the side at `theirs` and their base have of a file, by its name on either. Throws `conflict-moved`, `object-missing`. */
  async file(branch: BranchName, path: string, theirs: Oid): Promise<ConflictFileDetail> {
    const conflict = conflictOn(
      this.all.filter(({ candidates }) => candidates.some(({ tip }) => tip === theirs)),
      branch,
    );
    const ours = conflict.candidates[0].tip;
    const found = await this.parts.repository.conflictVersions({ ours, theirs, path });
    return { path, base: found.base, mine: found.ours, theirs: found.theirs };
  }

  /** Null for nothing. Throws `object-missing`. */
  fileAt(commit: Oid, path: string): Promise<FileVersion> {
    return this.parts.repository.fileAt(commit, path);
  }

  /** Settles it as a person chose; see `Resolver.settle` for what it throws. `tips` are the candidates that the person saw. */
  settle(branch: BranchName, tips: readonly string[], resolution: Resolution, reviewed: boolean): Promise<Oid | null> {
    return this.turns.run('settle', async () => {
      const conflict = conflictAt(this.all, branch, tips);
      const check = (): void => void conflictAt(this.all, branch, tips);
      try {
        return await this.resolver.settle(conflict, resolution, { reviewed, check });
      } finally {
        await this.parts.driver.refresh();
      }
    });
  }

  /** Members that are at a branch's conflict now (D8). */
  readonly resolving: Resolving = (branch) => this.atWork.others(branch);

  /** Somebody here is at it, or is not any more: the others are told. */
  announce(branch: BranchName, active: boolean): void {
    this.atWork.set(branch, active);
  }

  /** Whatever a view shows may have changed: who was at something that is settled is at it no more. */
  stateChanged(): void {
    this.atWork.keepOnly(() => new Set(this.all.map(({ branch }) => branch)));
  }

  listenTo(link: Link): void {
    this.atWork.listenTo(link);
  }

  greet(link: Link): void {
    this.atWork.greet(link);
  }

  linkDown(peer: PeerId): void {
    this.atWork.forget(peer);
  }

  /** Chooses what is done by itself, for a branch or the session; acts at once and survives a restart (D2). */
  async choose(branch: BranchName | undefined, strategy: Strategy | null): Promise<void> {
    const { strategies, driver, save } = this.parts;
    strategies.choose(branch, strategy);
    driver.handle({ type: 'strategies', strategies: strategies.current });
    await save();
  }

  /** Tips that lost to another and are kept (CO4), newest first. */
  kept(): Promise<KeptTip[]> {
    return this.parts.repository.keptTips();
  }

  /** Makes a kept tip a branch of its own. Throws `bad-request` when it is not kept, `move-refused` when there can be no such branch, `disk-full`. */
  async restore(tip: Oid, name: BranchName): Promise<void> {
    const { repository, driver } = this.parts;
    const kept = (await repository.keptTips()).find((one) => one.tip === tip);
    if (kept === undefined) throw new PeerweaveError('bad-request', `${tip.slice(0, 10)} is not kept.`);
    const result = await repository.restoreKept(kept, name);
    if (!result.moved) {
      const { refusal } = result;
      const why = refusal.kind === 'ref-moved' ? 'there is a branch of that name already' : describeRefusal(refusal);
      throw new PeerweaveError(reasonOf(refusal), sentence(`${name} was not made: ${why}`));
    }
    await driver.refresh();
  }

  private get all(): BranchConflict[] {
    return branchConflicts(this.parts.core.branches());
  }

  /** Where the other branches here are. */
  private otherTips(branch: BranchName): Oid[] {
    const refs = this.parts.driver.current?.refs ?? [];
    return [...refs].flatMap(([ref, oid]) => {
      const other = branchOf(ref);
      return other === undefined || other === branch ? [] : [oid];
    });
  }
}
