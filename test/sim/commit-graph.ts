import type { Relation } from '../../extension/src/p2p/sync/model.ts';
import type { Oid } from '../../extension/src/shared/ids.ts';
import { CommitSet } from './commit-set.ts';
import { mergeBaseTrees, mergeTrees } from './sim-tree.ts';

/** One change of one slot. */
export interface Patch {
  readonly slot: number;
  readonly value: number;
}

interface Commit {
  readonly number: number;
  readonly parents: readonly Oid[];
  readonly tree: number;
  /** What it changed, where that is one thing: what a patch id is to git. */
  readonly patch: Patch | undefined;
  /** The commit and all its ancestors. */
  readonly history: CommitSet;
}

/** Every commit that anyone ever made in a scenario: what is true, whoever knows it. */
export class CommitGraph {
  private readonly commits = new Map<Oid, Commit>();
  private readonly byNumber: Oid[] = [];
  /** Merges that engines made of themselves, by what goes into their id. */
  private readonly automatic = new Map<string, Oid>();

  get size(): number {
    return this.commits.size;
  }

  /** How many different merges engines have made of themselves. */
  get merges(): number {
    return this.automatic.size;
  }

  /** `patch` names what it changes, for one that changes one thing. */
  commit(parents: readonly Oid[], tree: number, patch?: Patch): Oid {
    const number = this.commits.size;
    // Scattered, so that the order of ids says nothing of the order of making.
    const oid = `${(Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')}${number.toString(16).padStart(32, '0')}`;
    const history = new CommitSet().add(number);
    for (const parent of parents) history.addAll(this.get(parent).history);
    this.commits.set(oid as Oid, { number, parents, tree, patch, history });
    this.byNumber.push(oid as Oid);
    return oid as Oid;
  }

  /**
   * What `Repository.mergeHeads` does: the same heads give the same commit, of those that merge with each other in the order of their ids.
   * Undefined when not even two do.
   */
  merge(branch: string, heads: readonly Oid[], take?: Oid): { commit: Oid; parents: readonly Oid[] } | undefined {
    const { tree, parents } = this.fold(heads, take);
    if (parents.length < 2) return undefined;
    const merged = take === undefined ? tree : this.get(take).tree;
    const key = [branch, merged, ...parents].join(' ');
    const commit = this.automatic.get(key) ?? this.commit(parents, merged);
    this.automatic.set(key, commit);
    return { commit, parents };
  }

  /** The tree of all these commits merged; undefined when not all of them merge. */
  mergedTree(heads: readonly Oid[]): number | undefined {
    const { tree, parents } = this.fold(heads);
    return parents.length === heads.length ? tree : undefined;
  }

  /** One after the other in the order of their ids, without those that do not merge with what came before. */
  private fold(heads: readonly Oid[], take?: Oid): { tree: number; parents: readonly Oid[] } {
    const [first, ...rest] = [...heads].sort();
    if (first === undefined) return { tree: 0, parents: [] };
    let { tree, history } = this.get(first);
    const parents = [first];
    for (const head of rest) {
      const theirs = this.get(head);
      const merged = take === undefined ? mergeTrees(this.baseTree(history, theirs.history), tree, theirs.tree) : tree;
      if (merged === undefined) continue;
      tree = merged;
      history = history.copy().addAll(theirs.history);
      parents.push(head);
    }
    return { tree, parents };
  }

  /** The tree to merge from: of the best common ancestors, merged themselves where there are several. */
  private baseTree(a: CommitSet, b: CommitSet): number {
    const [newest, ...others] = this.basesOf(a, b);
    if (newest === undefined) return 0;
    let { tree, history } = this.get(newest);
    for (const base of others) {
      const other = this.get(base);
      tree = mergeBaseTrees(this.baseTree(history, other.history), tree, other.tree);
      history = history.copy().addAll(other.history);
    }
    return tree;
  }

  /** Common commits that no other common one contains. A commit's number is above those of its ancestors. */
  private basesOf(a: CommitSet, b: CommitSet): Oid[] {
    const common = a.intersection(b);
    const bases: Oid[] = [];
    for (let number = this.byNumber.length - 1; number >= 0; number--) {
      if (!common.has(number)) continue;
      const oid = this.byNumber[number]!;
      bases.push(oid);
      common.removeAll(this.get(oid).history);
    }
    return bases;
  }

  numberOf(oid: Oid): number {
    return this.get(oid).number;
  }

  parentsOf(oid: Oid): readonly Oid[] {
    return this.get(oid).parents;
  }

  treeOf(oid: Oid): number {
    return this.get(oid).tree;
  }

  /** The commit and all its ancestors. */
  history(oid: Oid): CommitSet {
    return this.get(oid).history;
  }

  /** Everything reachable from these tips. */
  reach(tips: Iterable<Oid>): CommitSet {
    const all = new CommitSet();
    for (const tip of tips) all.addAll(this.get(tip).history);
    return all;
  }

  /** True when `ancestor` is `tip` or an ancestor of it. */
  contains(tip: Oid, ancestor: Oid): boolean {
    return this.get(tip).history.has(this.get(ancestor).number);
  }

  relation(local: Oid, remote: Oid): Relation {
    const [ours, theirs] = [this.get(local), this.get(remote)];
    return {
      local,
      remote,
      ahead: ours.history.sizeWithout(theirs.history),
      behind: theirs.history.sizeWithout(ours.history),
      sameTree: ours.tree === theirs.tree,
      patchEqual: this.patchEqual(ours.history, theirs.history),
    };
  }

  private patchEqual(ours: CommitSet, theirs: CommitSet): boolean {
    const [a, b] = [this.patchesOf(ours, theirs), this.patchesOf(theirs, ours)];
    return a !== undefined && a !== '' && a === b;
  }

  /** What `tip` has changed over `base`, oldest first; without merges, as a rebase leaves them out. */
  patchesBeyond(tip: Oid, base: Oid): Patch[] {
    const commits = this.byNumber.filter((oid) => this.contains(tip, oid) && !this.contains(base, oid));
    return commits.map((oid) => this.get(oid).patch).filter((patch) => patch !== undefined);
  }

  /** What the one has changed over the other; undefined when that holds merges. */
  private patchesOf(history: CommitSet, without: CommitSet): string | undefined {
    const patches: string[] = [];
    for (const [number, oid] of this.byNumber.entries()) {
      if (!history.has(number) || without.has(number)) continue;
      const { patch } = this.get(oid);
      if (patch === undefined) return undefined;
      patches.push(`${patch.slot}:${patch.value}`);
    }
    return patches.sort().join();
  }

  private get(oid: Oid): Commit {
    const commit = this.commits.get(oid);
    if (commit === undefined) throw new Error(`nobody ever made ${oid}`);
    return commit;
  }
}
