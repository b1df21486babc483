import type { Relation } from '../../extension/src/p2p/sync/model.ts';
import type { Oid } from '../../extension/src/shared/ids.ts';
import { CommitSet } from './commit-set.ts';

interface Commit {
  readonly number: number;
  readonly parents: readonly Oid[];
  readonly tree: number;
  /** The commit and all its ancestors. */
  readonly history: CommitSet;
}

/** Every commit that anyone ever made in a scenario: what is true, whoever knows it. */
export class CommitGraph {
  private readonly commits = new Map<Oid, Commit>();

  get size(): number {
    return this.commits.size;
  }

  commit(parents: readonly Oid[], tree: number): Oid {
    const number = this.commits.size;
    // Scattered, so that the order of ids says nothing of the order of making.
    const oid = `${(Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')}${number.toString(16).padStart(32, '0')}`;
    const history = new CommitSet().add(number);
    for (const parent of parents) history.addAll(this.get(parent).history);
    this.commits.set(oid as Oid, { number, parents, tree, history });
    return oid as Oid;
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
    };
  }

  private get(oid: Oid): Commit {
    const commit = this.commits.get(oid);
    if (commit === undefined) throw new Error(`nobody ever made ${oid}`);
    return commit;
  }
}
