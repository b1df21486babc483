import type { ConflictDetail, ConflictFileView, ConflictSide } from '../../rpc/conflicts.ts';
import { PeerweaveError } from '../../shared/errors.ts';
import type { BranchName, Oid, PeerId } from '../../shared/ids.ts';
import type { MergePreview, PreviewSide } from '../repo/merge.ts';
import type { Repository } from '../repo/repository.ts';
import type { BranchConflict } from '../sync/branch-conflicts.ts';
import type { ConflictCandidate } from '../sync/model.ts';
import type { NameOf } from './conflict-views.ts';

/** Sides that a merge is worked out for; the others are named. */
const MAX_MERGED = 16;
const MAX_FILES = 10_000;
/** Changed files that are named of each side. */
const MAX_CHANGES = 1_000;
/** Previews kept: a page and the editor ask for the same again and again. */
const MAX_KEPT = 4;

type Resolving = ConflictDetail['resolving'];

/** Tells conflicts in full (CO1), each merge worked out once. */
export class ConflictDetails {
  private readonly repository: Repository;
  private readonly nameOf: NameOf;
  private readonly previews = new Map<string, Promise<MergePreview>>();

  constructor(repository: Repository, nameOf: NameOf) {
    this.repository = repository;
    this.nameOf = nameOf;
  }

  /** `others` are the tips of the other branches here. Throws as `Repository.previewMerge`. */
  async of(conflict: BranchConflict, resolving: Resolving, others: readonly Oid[]): Promise<ConflictDetail> {
    const { kind, branch, candidates } = conflict;
    if (kind === 'deleted-there') return this.ofDeleted(conflict, resolving, others);
    const tips = candidates.map(({ tip }) => tip).slice(0, MAX_MERGED);
    const preview = await this.preview(tips);
    const sides = candidates.map((candidate, i) => this.sideOf(candidate, preview.sides[i]));
    return { kind, branch, bases: [...preview.bases], sides, outcome: preview.outcome, ...filesOf(preview), resolving };
  }

  private async ofDeleted(
    { kind, branch, bases, candidates: [ours] }: Extract<BranchConflict, { kind: 'deleted-there' }>,
    resolving: Resolving,
    others: readonly Oid[],
  ): Promise<ConflictDetail> {
    const { commits, more } = await this.repository.commitsOf(ours.tip, others);
    const side = this.sideOf(ours, {
      tip: ours.tip,
      commits,
      moreCommits: more,
      changes: new Map(),
      moreChanges: false,
    });
    return { kind, branch, bases: [...bases], sides: [side], outcome: 'clean', files: [], moreFiles: false, resolving };
  }

  private sideOf({ tip, owners }: ConflictCandidate, side: PreviewSide | undefined): ConflictSide {
    return {
      tip,
      owners: owners.filter((owner): owner is PeerId => owner !== null).map(this.nameOf),
      mine: owners.includes(null),
      commits: (side?.commits ?? []).map(({ oid, author, time, subject }) => ({ oid, author, time, subject })),
      moreCommits: side?.moreCommits ?? true,
      changedFiles: side?.changes.size ?? 0,
      changes: [...(side?.changes ?? [])].slice(0, MAX_CHANGES).map(([path, change]) => ({ path, change })),
    };
  }

  private preview(tips: readonly Oid[]): Promise<MergePreview> {
    const key = tips.join(' ');
    const known = this.previews.get(key);
    if (known !== undefined) return known;
    const preview = this.repository.previewMerge({ tips });
    this.previews.set(key, preview);
    for (const oldest of this.previews.keys()) {
      if (this.previews.size <= MAX_KEPT) break;
      this.previews.delete(oldest);
    }
    preview.catch(() => this.previews.delete(key));
    return preview;
  }
}

/** Every file once, those that need a decision first. */
function filesOf({ sides, conflicts, merged, moreMerged }: MergePreview): Pick<ConflictDetail, 'files' | 'moreFiles'> {
  const files = new Map<string, ConflictFileView>();
  for (const { tip, files: found } of conflicts) {
    for (const { path, kinds, related } of found) {
      if (files.has(path)) continue;
      files.set(path, { path, kinds: [...kinds], theirs: tip, related: [...related], ...takenIn(sides, path, tip) });
    }
  }
  const theirs = sides[1]?.tip ?? '';
  for (const path of merged) if (!files.has(path)) files.set(path, { path, kinds: [], theirs, related: [] });
  const more = moreMerged || files.size > MAX_FILES || conflicts.some(({ moreFiles }) => moreFiles);
  return { files: [...files.values()].slice(0, MAX_FILES), moreFiles: more };
}

/**
 * The others whose changes of a conflicting file a person has to see. What one of them merges into it by itself would else be lost, because
 * what people decide is the whole file.
 */
function takenIn(sides: MergePreview['sides'], path: string, theirs: Oid): Pick<ConflictFileView, 'sides'> {
  const [, ...others] = sides;
  const changed = others.filter(({ changes, moreChanges }) => changes.has(path) || moreChanges).map(({ tip }) => tip);
  return changed.length > 1 || changed.some((tip) => tip !== theirs) ? { sides: changed } : {};
}

/** The conflict that the branch has, one that blocks it first. Throws `conflict-moved` when it has none. */
export function conflictOn(conflicts: readonly BranchConflict[], branch: BranchName): BranchConflict {
  const found = conflicts.find((conflict) => conflict.branch === branch);
  if (found !== undefined) return found;
  throw new PeerweaveError('conflict-moved', `There is nothing to settle on ${branch} (any more).`);
}

/** The conflict of the branch that has these candidates. Throws `conflict-moved` when it has others by now, or none. */
export function conflictAt(
  conflicts: readonly BranchConflict[],
  branch: BranchName,
  tips: readonly string[],
): BranchConflict {
  const wanted = [...new Set(tips)].sort().join(' ');
  const mine = conflicts.filter((conflict) => conflict.branch === branch);
  const found = mine.find(
    ({ candidates }) =>
      candidates
        .map(({ tip }) => tip)
        .sort()
        .join(' ') === wanted,
  );
  if (found !== undefined) return found;
  const what =
    mine.length > 0 ? `${branch} has moved since you looked at it. Look again` : `${branch} is settled already`;
  throw new PeerweaveError('conflict-moved', `${what}; nothing was changed.`);
}
