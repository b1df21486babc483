import { branchOf, branchRef, type BranchName, type Oid, type RefName } from '../../extension/src/shared/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import { CommitSet } from './commit-set.ts';
import { hold } from './violation.ts';

interface Move {
  readonly branch: BranchName;
  readonly from: Oid | null;
  readonly to: Oid | null;
}

/**
 * A repository in memory: objects, branches, tags, HEAD, and whether the worktree has changes in the way. It outlives the engine, so
 * the user goes on while that is down. Everything that moves a ref goes through `set`, which knows who did it, and holds the
 * properties that must hold at every step:
 *
 * - no ref to a missing object;
 * - whatever was reachable from these refs stays reachable, unless the user here dropped it;
 * - nothing that the user dropped, and the engine knew of, comes back unasked: no deleted branch, no rewound commit.
 */
export class SimRepository {
  readonly refs = new Map<RefName, Oid>();
  readonly objects = new CommitSet();
  /** Commits that the user here made and has not given up: dropped from the last ref here that held them, kept ones too. */
  made = new CommitSet();
  /** Tips that are kept because they lost (CO4), by branch. */
  readonly kept = new Map<BranchName, Set<Oid>>();
  /** Moves of branches that were made for the user, by itself or by choice, and were not taken back. */
  history: readonly Move[] = [];
  head: BranchName;
  dirty = false;
  onChange: () => void = () => undefined;
  /** Branches that the user here ever took anything back from, by reset, amend or deletion. */
  readonly rewritten = new Set<BranchName>();
  /** Branches that the user here touched since everything was last at rest. */
  readonly touched = new Set<BranchName>();
  /** What the engine was last told of each ref. */
  readonly told = new Map<RefName, Oid>();
  /** False for a scenario where a crash may forget what the engine was told. */
  strict = true;
  private readonly graph: CommitGraph;
  private readonly label: string;
  /** Refs that the user deleted and the engine knew of. */
  private readonly deleted = new Set<RefName>();
  private readonly deletedEver = new Set<RefName>();
  /** Commits that the user took back from a branch and the engine knew of. */
  private readonly dropped = new Map<RefName, CommitSet>();

  constructor(graph: CommitGraph, label: string, head: BranchName) {
    this.graph = graph;
    this.label = label;
    this.head = head;
  }

  /** True for a ref that the user here deleted and that did not come back. */
  deletedByUser(ref: RefName): boolean {
    return this.deletedEver.has(ref) && !this.refs.has(ref);
  }

  branches(): BranchName[] {
    return [...this.refs.keys()].map(branchOf).filter((branch) => branch !== undefined);
  }

  tip(branch: BranchName): Oid | undefined {
    return this.refs.get(branchRef(branch));
  }

  has(oid: Oid): boolean {
    return this.objects.has(this.graph.numberOf(oid));
  }

  hasAll(history: CommitSet): boolean {
    return history.isWithin(this.objects);
  }

  /** The user made this commit. */
  authored(oid: Oid): void {
    this.objects.addAll(this.graph.history(oid));
    this.made.add(this.graph.numberOf(oid));
  }

  /** Everything that refs here hold, those included that only keep something. */
  reachable(): CommitSet {
    return this.graph.reach([...this.refs.values(), ...[...this.kept.values()].flatMap((tips) => [...tips])]);
  }

  /** The user settles a branch by a move of their choice. */
  setByResolution(branch: BranchName, to: Oid | null): void {
    const from = this.tip(branch) ?? null;
    this.setByUser(branchRef(branch), to);
    this.history = [...this.history, { branch, from, to }];
  }

  /** The user moves, makes or deletes a ref, in any way. */
  setByUser(ref: RefName, to: Oid | null): void {
    const from = this.refs.get(ref) ?? null;
    const branch = branchOf(ref);
    if (branch !== undefined) this.touched.add(branch);
    if (from !== null && branch !== undefined && (to === null || !this.graph.contains(to, from))) {
      this.rewritten.add(branch);
      this.drop(ref, from);
    }
    if (to === null) this.deletedEver.add(ref);
    if (to === null && this.told.has(ref)) this.deleted.add(ref);
    if (to !== null) {
      this.deleted.delete(ref);
      this.dropped.get(ref)?.removeAll(this.graph.history(to));
    }
    this.set(ref, to);
    this.made = this.made.intersection(this.reachable());
  }

  /** Commits that the user has taken back from the ref by now. */
  droppedFrom(ref: RefName): CommitSet {
    return this.dropped.get(ref)?.copy() ?? new CommitSet();
  }

  /**
   * The engine moves or makes a branch, or makes a tag. `droppedBefore` is what had been taken back when it decided to: of what crosses with
   * that it cannot know, when the ref is again where it was then.
   */
  setByEngine(ref: RefName, to: Oid, reviewed: boolean, droppedBefore?: CommitSet): void {
    const from = this.refs.get(ref);
    const where = `${this.label} ${ref} ${from?.slice(0, 6) ?? 'nothing'} → ${to.slice(0, 6)}`;
    hold(from === undefined || this.graph.contains(to, from), () => `the engine moved other than forward: ${where}`);
    if (this.strict && !reviewed) {
      hold(!this.deleted.has(ref), () => `a deleted ref came back: ${where}`);
      const gained = this.graph.history(to).copy();
      if (from !== undefined) gained.removeAll(this.graph.history(from));
      const dropped =
        droppedBefore === undefined ? this.droppedFrom(ref) : droppedBefore.intersection(this.droppedFrom(ref));
      hold(!dropped.intersects(gained), () => `commits that were taken back came back: ${where}`);
    }
    this.deleted.delete(ref);
    this.dropped.get(ref)?.removeAll(this.graph.history(to));
    this.set(ref, to);
    const branch = branchOf(ref);
    if (branch !== undefined) this.history = [...this.history, { branch, from: from ?? null, to }];
  }

  keep(branch: BranchName, tips: readonly Oid[]): void {
    for (const tip of tips) hold(this.has(tip), () => `${this.label} keeps ${tip} and has it not`);
    this.kept.set(branch, new Set([...(this.kept.get(branch) ?? []), ...tips]));
  }

  private drop(ref: RefName, from: Oid): void {
    const told = this.told.get(ref);
    if (told === undefined) return;
    const known = this.graph.history(from).intersection(this.graph.history(told));
    this.dropped.set(ref, (this.dropped.get(ref) ?? new CommitSet()).addAll(known));
  }

  private set(ref: RefName, to: Oid | null): void {
    if (to === null) this.refs.delete(ref);
    else {
      hold(this.hasAll(this.graph.history(to)), () => `${this.label} ${ref} points to a missing object`);
      this.refs.set(ref, to);
    }
    this.onChange();
  }
}
