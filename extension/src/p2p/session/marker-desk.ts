import type { MarkerMergeView } from '../../rpc/conflicts.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { BranchName, Oid, PeerId } from '../../shared/ids.ts';
import { peerText } from '../../shared/peer-text.ts';
import type { MarkerMerge, MarkerMergeRefusal } from '../repo/marker-merge.ts';
import type { Repository } from '../repo/repository.ts';
import type { ConflictCandidate } from '../sync/model.ts';
import type { SyncCore } from '../sync/sync-core.ts';
import { describeRefusal, reasonOf, sentence } from './refusal-text.ts';
import type { SyncDriver } from './sync-driver.ts';

/** What a marker desk needs of the session around it. */
export interface MarkerDeskParts {
  readonly repository: Repository;
  readonly core: Pick<SyncCore, 'branches'>;
  readonly driver: Pick<SyncDriver, 'refresh'>;
  /** How we are called in the session. */
  readonly name: string;
  readonly nameOf: (peer: PeerId) => string;
  /** The peer's folder under `refs/remotes/peers/`. */
  readonly namespace: (peer: PeerId) => string;
  /** Somebody here is at a branch's conflict, or is not any more (D8). */
  readonly atWork: (branch: BranchName, active: boolean) => void;
}

export interface MarkerRequest {
  readonly branch: BranchName;
  /** The candidates that the person saw. */
  readonly tips: readonly Oid[];
  readonly theirs: Oid;
  readonly reviewed: boolean;
}

/**
 * Where a person settles a branch in their own files, by conflict markers. The merge that comes of it is a commit like any other: it has
 * both sides as parents, so peers fast-forward to it (CO5).
 */
export class MarkerDesk {
  private readonly parts: MarkerDeskParts;
  /** Whose the other side of a merge is, for when it is no candidate any more. */
  private readonly owners = new Map<Oid, readonly string[]>();
  /** The branch that the others were told we are at. */
  private at: BranchName | undefined;

  constructor(parts: MarkerDeskParts) {
    this.parts = parts;
  }

  /**
   * Begins a merge in the worktree and resolves with the files that do not merge by themselves. Throws `conflict-moved`, `review-needed`,
   * `move-refused` and what git fails with; nothing has been touched then.
   */
  async begin({ branch, tips, theirs, reviewed }: MarkerRequest): Promise<readonly string[]> {
    const { repository, namespace, nameOf, driver } = this.parts;
    await driver.refresh();
    const candidates = this.candidates(branch);
    const ours = candidates.find(({ owners }) => owners.includes(null));
    const other = candidates.find(({ tip }) => tip === theirs);
    if (ours === undefined || other === undefined || ours === other || !sameTips(candidates, tips)) throw moved(branch);
    const [owner] = other.owners.filter((peer) => peer !== null);
    const names = namesOf(other, nameOf);
    const result = await repository.markerMerges.begin({
      branch,
      ours: ours.tip,
      theirs,
      whose: owner === undefined ? 'peer' : namespace(owner),
      message: `Merge ${peerText(names[0] ?? 'a peer')}'s ${branch} (${theirs.slice(0, 7)})`,
      reviewed,
    });
    if (!result.begun) throw refusalError(branch, result.refusal);
    this.owners.set(theirs, names);
    this.workOn(branch);
    return result.files;
  }

  /** The merge that is under way, without its files. */
  async current(): Promise<(MarkerMerge & { readonly owners: readonly string[] }) | undefined> {
    const merge = await this.parts.repository.markerMerges.current();
    // The user may have ended it by git itself, or a restarted engine finds it.
    this.workOn(merge?.branch);
    return merge === undefined ? undefined : { ...merge, owners: this.ownersOf(merge) };
  }

  async view(): Promise<MarkerMergeView | undefined> {
    const merge = await this.current();
    if (merge === undefined) return undefined;
    const { root, branch, ours, theirs, label, owners } = merge;
    const files = await this.parts.repository.markerMerges.files(merge);
    return { root, ...(branch === undefined ? {} : { branch }), ours, theirs, label, owners: [...owners], files };
  }

  /** Commits the merge. Throws `conflict-unresolved`, `commit-refused`, `bad-request` when none is under way. */
  async complete(message?: string): Promise<Oid> {
    const commit = await this.parts.repository.markerMerges.complete({ message, fallbackName: this.parts.name });
    this.workOn(undefined);
    await this.parts.driver.refresh();
    return commit;
  }

  /** Takes the merge back. Throws `move-refused` when changes would go along that are no part of it, `bad-request` when none is under way. */
  async abort(): Promise<void> {
    await this.parts.repository.markerMerges.abort();
    this.workOn(undefined);
    await this.parts.driver.refresh();
  }

  private workOn(branch: BranchName | undefined): void {
    if (branch === this.at) return;
    if (this.at !== undefined) this.parts.atWork(this.at, false);
    if (branch !== undefined) this.parts.atWork(branch, true);
    this.at = branch;
  }

  private candidates(branch: BranchName): readonly ConflictCandidate[] {
    return this.parts.core.branches().find((state) => state.branch === branch)?.conflict ?? [];
  }

  private ownersOf({ branch, theirs, label }: MarkerMerge): readonly string[] {
    const candidate = branch === undefined ? undefined : this.candidates(branch).find(({ tip }) => tip === theirs);
    if (candidate !== undefined) return namesOf(candidate, this.parts.nameOf);
    // After a restart, and with the conflict settled by others, only the name in the markers is left.
    return this.owners.get(theirs) ?? [label.slice(label.lastIndexOf('/') + 1, label.lastIndexOf('-'))];
  }
}

const namesOf = ({ owners }: ConflictCandidate, nameOf: (peer: PeerId) => string): string[] =>
  owners.filter((peer) => peer !== null).map(nameOf);

function sameTips(candidates: readonly ConflictCandidate[], tips: readonly Oid[]): boolean {
  const seen = new Set(tips);
  return seen.size === candidates.length && candidates.every(({ tip }) => seen.has(tip));
}

const moved = (branch: BranchName): PeerweaveError =>
  new PeerweaveError('conflict-moved', `Somebody went on with ${branch} meanwhile. Look at the conflict again.`);

function refusalError(branch: BranchName, refusal: MarkerMergeRefusal): PeerweaveError {
  if (refusal.kind === 'ref-moved') return moved(branch);
  if (refusal.kind === 'not-checked-out') {
    const message = `Markers are written into files, and ${branch} is not checked out. Switch to it first, or use Merge….`;
    return new PeerweaveError('move-refused', message);
  }
  return new PeerweaveError(reasonOf(refusal), sentence(`The merge was not begun: ${describeRefusal(refusal)}`));
}
