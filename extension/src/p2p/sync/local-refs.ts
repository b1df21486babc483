import { branchOf, branchRef, type BranchName, type Oid, type RefName } from '../../shared/ids.ts';
import type { Refs } from './model.ts';
import { diffRefs, type RefChange } from './ref-diff.ts';

/** Left tips kept for a branch. Only those that some peer may still have matter, so a long rebase session may forget its first. */
const MAX_LEFT = 32;
/** Deletions kept. Each matters until every peer has dropped the ref; the oldest go first. */
const MAX_DELETED = 10_000;

/** A branch that the core itself moved, perhaps several times, until a snapshot has shown the last move. */
interface OwnMove {
  /** Where it was before each move. */
  readonly from: readonly (Oid | null)[];
  readonly to: Oid;
  /** True once a snapshot has shown the branch as it was before. */
  doubted: boolean;
}

/** What a snapshot of the refs brought. */
export interface LocalChange {
  readonly changes: readonly RefChange[];
  readonly headChanged: boolean;
  /** A branch was shown as it was before our own move: the snapshot may be older than the move, so take another. */
  readonly doubtful: boolean;
}

/**
 * The branches and tags of the repository here, and what the user did to them that peers must not undo: which were deleted, and
 * which tips a branch was moved away from.
 */
export class LocalRefs {
  /** False until this run's first snapshot: what a restart restored is only good to compare with. */
  ready = false;
  head: BranchName | undefined;
  private refs = new Map<RefName, Oid>();
  /** True when `refs` was handed out and has to be copied before it is written. */
  private lent = false;
  private readonly deleted = new Map<RefName, Oid>();
  private readonly left = new Map<BranchName, readonly Oid[]>();
  private readonly ownMoves = new Map<BranchName, OwnMove>();

  /** Fills this with what an earlier run knew, to compare the first snapshot with. */
  restore(
    refs: Iterable<[RefName, Oid]>,
    deleted: Iterable<[RefName, Oid]>,
    left: Iterable<[BranchName, Oid[]]>,
  ): void {
    for (const [ref, oid] of refs) this.refs.set(ref, oid);
    for (const [ref, oid] of deleted) this.deleted.set(ref, oid);
    for (const [branch, tips] of left) this.left.set(branch, tips);
  }

  /** The refs now, for keeps: they are copied before the next change. */
  snapshot(): Refs {
    this.lent = true;
    return this.refs;
  }

  get(ref: RefName): Oid | null {
    return this.refs.get(ref) ?? null;
  }

  branch(branch: BranchName): Oid | null {
    return this.get(branchRef(branch));
  }

  isDeleted(ref: RefName): boolean {
    return this.deleted.has(ref);
  }

  /** Tips that the branch was moved away from and that it is not known to contain, oldest first. */
  leftTips(branch: BranchName): readonly Oid[] {
    return this.left.get(branch) ?? [];
  }

  /** The branch turned out to contain these again, or always did. */
  forgetLeft(branch: BranchName, contained: ReadonlySet<Oid>): void {
    this.setLeft(
      branch,
      this.leftTips(branch).filter((tip) => !contained.has(tip)),
    );
  }

  deletions(): Iterable<[RefName, Oid]> {
    return this.deleted;
  }

  allLeft(): Iterable<[BranchName, readonly Oid[]]> {
    return this.left;
  }

  /** Takes a snapshot that was read from the repository. */
  read(refs: Refs, head: BranchName | undefined): LocalChange {
    const { refs: believed, doubtful } = this.withOwnMoves(refs);
    const changes = diffRefs(this.refs, believed);
    for (const change of changes) this.note(change);
    const headChanged = head !== this.head;
    if (changes.length > 0) {
      this.refs = new Map(believed);
      this.lent = false;
    }
    this.head = head;
    this.ready = true;
    return { changes, headChanged, doubtful };
  }

  /** The core's own move went through. Returns false when the branch has gone on since, so that this is old news. */
  moved(branch: BranchName, from: Oid | null, to: Oid): boolean {
    const ref = branchRef(branch);
    if (this.get(ref) !== from) return false;
    if (this.lent) this.refs = new Map(this.refs);
    this.lent = false;
    this.refs.set(ref, to);
    this.deleted.delete(ref);
    const before = this.ownMoves.get(branch);
    // A snapshot that comes may have been read before all of these moves, unless one that old has come already.
    const unseen = before?.to === from && !before.doubted ? before.from : [];
    this.ownMoves.set(branch, { from: [...unseen, from], to, doubted: false });
    return true;
  }

  /**
   * A snapshot that was read just before our own move, and arrives just after it, looks as if the user had taken the move back;
   * believing it would mark the branch as rewound or deleted. So the first such snapshot is not believed for that branch. The
   * next was read later than the move, and is.
   */
  private withOwnMoves(refs: Refs): { refs: Refs; doubtful: boolean } {
    if (this.ownMoves.size === 0) return { refs, doubtful: false };
    const corrected = new Map(refs);
    let doubtful = false;
    for (const [branch, move] of this.ownMoves) {
      const ref = branchRef(branch);
      if (!move.from.includes(refs.get(ref) ?? null) || move.doubted) {
        this.ownMoves.delete(branch);
        continue;
      }
      move.doubted = true;
      doubtful = true;
      const kept = this.get(ref);
      if (kept !== null) corrected.set(ref, kept);
    }
    return { refs: corrected, doubtful };
  }

  private note({ ref, from, to }: RefChange): void {
    const branch = branchOf(ref);
    const before = from ?? this.deleted.get(ref);
    this.deleted.delete(ref);
    if (to === null) {
      if (before !== undefined) this.remember(ref, before);
    } else if (branch !== undefined) {
      // A branch that was deleted and made again elsewhere was moved there, as far as its commits are concerned.
      const left = this.leftTips(branch).filter((tip) => tip !== to && tip !== before);
      this.setLeft(branch, before === undefined || before === to ? left : [...left, before]);
    }
  }

  private remember(ref: RefName, tip: Oid): void {
    this.deleted.set(ref, tip);
    if (this.deleted.size <= MAX_DELETED) return;
    const oldest = this.deleted.keys().next();
    if (oldest.done !== true) this.deleted.delete(oldest.value);
  }

  private setLeft(branch: BranchName, tips: readonly Oid[]): void {
    if (tips.length === 0) this.left.delete(branch);
    else this.left.set(branch, tips.slice(-MAX_LEFT));
  }
}
