import { branchRef, type BranchName, type Oid, type RefName } from '../../extension/src/shared/ids.ts';
import type { SimEngine } from './sim-engine.ts';
import { SimResolver } from './sim-resolver.ts';
import type { SimWorld } from './sim-world.ts';
import type { SimRepository } from './sim-repository.ts';
import { edit, SLOTS, VALUES } from './sim-tree.ts';

/** How often a user does what; a scenario leaves some out. */
export interface Habits {
  readonly commit: number;
  readonly branch: number;
  readonly checkout: number;
  readonly deleteBranch: number;
  readonly reset: number;
  readonly amend: number;
  readonly tag: number;
  readonly deleteTag: number;
  readonly resolve: number;
  readonly rebase: number;
  readonly keepBoth: number;
  readonly follow: number;
  readonly undo: number;
  readonly restoreKept: number;
  readonly touchWorktree: number;
  readonly ask: number;
}

const BRANCHES = ['main', 'dev', 'topic/a', 'topic/b', 'fix'] as BranchName[];
const TAGS = ['refs/tags/v1', 'refs/tags/v2', 'refs/tags/v3'] as RefName[];

/** A person with a repository: commits, rewrites, deletes and merges with plain git, whether the engine runs or not. */
export class SimUser {
  /** What the user settles branches with. */
  readonly resolver: SimResolver;
  private readonly engine: SimEngine;
  private readonly repository: SimRepository;
  private readonly world: SimWorld;
  private readonly habits: Habits;

  constructor(engine: SimEngine, world: SimWorld, habits: Habits) {
    this.engine = engine;
    this.repository = engine.repository;
    this.world = world;
    this.habits = habits;
    this.resolver = new SimResolver(engine, world);
  }

  /** Does one thing at random. */
  act(): void {
    const habit = this.world.random.weighted(this.habits);
    this.world.trace(this.engine.id, `* ${habit}`);
    ACTIONS[habit](this);
  }

  commit(): void {
    const branch = this.world.random.chance(0.7) ? this.repository.head : this.someBranch();
    const tip = branch && this.repository.tip(branch);
    if (tip !== undefined) this.set(branch, this.make([tip]));
  }

  branch(): void {
    const from = this.someBranch();
    const tip = from && this.repository.tip(from);
    const name = this.world.random.pick(BRANCHES);
    if (tip !== undefined && name !== undefined && this.repository.tip(name) === undefined) this.set(name, tip);
  }

  checkout(): void {
    const branch = this.someBranch();
    if (branch === undefined || this.repository.dirty) return;
    this.repository.head = branch;
    this.repository.onChange();
  }

  deleteBranch(): void {
    const branch = this.someBranch();
    if (branch !== undefined && branch !== this.repository.head) this.set(branch, null);
  }

  reset(): void {
    const branch = this.someBranch();
    let tip = branch && this.repository.tip(branch);
    for (let steps = this.world.random.between(1, 2); steps > 0 && tip !== undefined; steps--) {
      tip = this.world.random.pick(this.world.graph.parentsOf(tip)) ?? tip;
    }
    if (tip !== undefined) this.set(branch, tip);
  }

  amend(): void {
    const branch = this.repository.head;
    const tip = this.repository.tip(branch);
    if (tip !== undefined) this.set(branch, this.make(this.world.graph.parentsOf(tip)));
  }

  tag(): void {
    const tag = this.world.random.pick(TAGS);
    const branch = this.someBranch();
    const tip = branch && this.repository.tip(branch);
    // Now and then with force, over one that exists.
    if (tag === undefined || tip === undefined) return;
    if (!this.repository.refs.has(tag) || this.world.random.chance(0.1)) this.repository.setByUser(tag, tip);
  }

  deleteTag(): void {
    const tag = this.world.random.pick(TAGS.filter((name) => this.repository.refs.has(name)));
    if (tag !== undefined) this.repository.setByUser(tag, null);
  }

  touchWorktree(): void {
    this.repository.dirty = !this.repository.dirty;
    this.engine.feed({ type: 'worktree-changed' });
  }

  ask(): void {
    const branch = this.someBranch() ?? this.world.random.pick(BRANCHES);
    if (this.world.random.chance(0.3) || branch === undefined) this.engine.feed({ type: 'sync-now' });
    else this.engine.feed({ type: 'apply-pending', branch });
  }

  /** A commit that changes one thing of its first parent's tree; an amended merge is whatever the user makes of it. */
  private make(parents: readonly Oid[]): Oid {
    const { graph, random } = this.world;
    const [slot, value] = [random.between(0, SLOTS - 1), random.between(0, VALUES - 1)];
    const tree = edit(parents[0] === undefined ? 0 : graph.treeOf(parents[0]), slot, value);
    const oid = graph.commit(parents, tree, parents.length === 1 ? { slot, value } : undefined);
    this.repository.authored(oid);
    return oid;
  }

  private set(branch: BranchName | undefined, to: Oid | null): void {
    if (branch === undefined) return;
    this.world.trace(this.engine.id, `  ${branch} → ${to?.slice(0, 6) ?? 'nothing'}`);
    this.repository.setByUser(branchRef(branch), to);
  }

  private someBranch(): BranchName | undefined {
    return this.world.random.pick(this.repository.branches());
  }
}

const ACTIONS: Readonly<Record<keyof Habits, (user: SimUser) => unknown>> = {
  commit: (user) => user.commit(),
  branch: (user) => user.branch(),
  checkout: (user) => user.checkout(),
  deleteBranch: (user) => user.deleteBranch(),
  reset: (user) => user.reset(),
  amend: (user) => user.amend(),
  tag: (user) => user.tag(),
  deleteTag: (user) => user.deleteTag(),
  resolve: ({ resolver }) => resolver.resolve(),
  rebase: ({ resolver }) => resolver.rebase(),
  keepBoth: ({ resolver }) => resolver.keepBoth(),
  follow: ({ resolver }) => resolver.follow(),
  undo: ({ resolver }) => resolver.undo(),
  restoreKept: ({ resolver }) => resolver.restoreKept(),
  touchWorktree: (user) => user.touchWorktree(),
  ask: (user) => user.ask(),
};
