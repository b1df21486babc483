import { branchRef, type BranchName, type Oid } from '../../extension/src/shared/ids.ts';
import type { Patch } from './commit-graph.ts';
import type { SimEngine } from './sim-engine.ts';
import { edit, SLOTS, VALUES } from './sim-tree.ts';
import type { SimWorld } from './sim-world.ts';

/** Branches that people make of what is theirs, or was kept. */
const OWN_NAMES = ['mine/1', 'mine/2'] as BranchName[];

/** How a person settles branches by hand: what the resolution page, the commands of the editor and the command line do. */
export class SimResolver {
  private readonly engine: SimEngine;
  private readonly world: SimWorld;

  constructor(engine: SimEngine, world: SimWorld) {
    this.engine = engine;
    this.world = world;
  }

  /** Branches that are in conflict as this engine shows it. */
  conflicts(): BranchName[] {
    return this.engine.core
      .branches()
      .filter(({ conflict, branch }) => conflict !== undefined && this.engine.repository.tip(branch) !== undefined)
      .map(({ branch }) => branch);
  }

  /** Settles a conflict with a commit whose parents are all its sides (CO5). False when there is none to settle. */
  resolve(branch = this.world.random.pick(this.conflicts()), tree?: number): boolean {
    const sides = this.sides(branch);
    const [mine] = sides;
    if (branch === undefined || mine === undefined) return false;
    this.engine.repository.setByResolution(branch, this.commit(sides, tree ?? this.drawTree(sides)));
    return true;
  }

  /** Our commits again on top of one of theirs. */
  rebase(): void {
    const branch = this.world.random.pick(this.conflicts());
    const [mine, ...others] = this.sides(branch);
    const onto = this.world.random.pick(others);
    if (branch === undefined || mine === undefined || onto === undefined) return;
    const { graph } = this.world;
    let tip = onto;
    for (const patch of graph.patchesBeyond(mine, onto)) {
      tip = this.commit([tip], edit(graph.treeOf(tip), patch.slot, patch.value), patch);
    }
    this.engine.repository.setByResolution(branch, tip);
  }

  /** Our commits under a name of their own; the branch follows one of the other sides. */
  keepBoth(): void {
    const { repository } = this.engine;
    const branch = this.world.random.pick(this.conflicts());
    const [mine, ...others] = this.sides(branch);
    const tip = this.world.random.pick(others);
    const name = this.freeName();
    if (branch === undefined || mine === undefined || tip === undefined || name === undefined) return;
    repository.setByUser(branchRef(name), mine);
    repository.setByResolution(branch, tip);
  }

  /** Does as a peer did: takes over its rewind or its deletion; what was ours is kept first. */
  follow(): void {
    const { core, repository } = this.engine;
    const standings = core.branches().flatMap(({ branch, peers }) => peers.map((peer) => ({ branch, ...peer })));
    const there = standings.filter(({ standing }) => standing === 'rewound-there' || standing === 'deleted-there');
    const choice = this.world.random.pick(there);
    const mine = choice && repository.tip(choice.branch);
    if (choice === undefined || mine === undefined) return;
    if (choice.remote === null && choice.branch === repository.head) return;
    repository.keep(choice.branch, [mine]);
    repository.setByResolution(choice.branch, choice.remote);
  }

  /** Takes back the last move that was made here by itself or by choice, where nothing came after it (SY13). */
  undo(): void {
    const { repository } = this.engine;
    const last = repository.history.findLast(({ branch, to }) => (repository.tip(branch) ?? null) === to);
    if (last === undefined || (last.from === null && last.branch === repository.head)) return;
    this.world.trace(this.engine.id, `  ${last.branch} back → ${last.from?.slice(0, 6) ?? 'nothing'}`);
    repository.history = repository.history.filter((move) => move !== last);
    repository.setByUser(branchRef(last.branch), last.from);
  }

  /** Makes something that lost and was kept a branch of its own (CO4). */
  restoreKept(): void {
    const { repository } = this.engine;
    const tip = this.world.random.pick([...repository.kept.values()].flatMap((tips) => [...tips]));
    const name = this.freeName();
    if (tip !== undefined && name !== undefined) repository.setByUser(branchRef(name), tip);
  }

  /** Ours first. */
  private sides(branch: BranchName | undefined): Oid[] {
    const mine = branch && this.engine.repository.tip(branch);
    if (mine === undefined) return [];
    const state = this.engine.core.branches().find((candidate) => candidate.branch === branch);
    return [mine, ...(state?.conflict ?? []).map(({ tip }) => tip).filter((tip) => tip !== mine)];
  }

  /** Mine, theirs, what merges by itself, or something of both that a person makes up. */
  private drawTree(sides: readonly Oid[]): number {
    const { graph, random } = this.world;
    const side = random.pick(sides)!;
    if (random.chance(0.4)) return graph.treeOf(side);
    const merged = random.chance(0.5) ? graph.mergedTree(sides) : undefined;
    return merged ?? edit(graph.treeOf(side), random.between(0, SLOTS - 1), random.between(0, VALUES - 1));
  }

  private commit(parents: readonly Oid[], tree: number, patch?: Patch): Oid {
    const { graph } = this.world;
    const oid = graph.commit(parents, tree, patch);
    this.engine.repository.authored(oid);
    return oid;
  }

  private freeName(): BranchName | undefined {
    return this.world.random.pick(OWN_NAMES.filter((name) => this.engine.repository.tip(name) === undefined));
  }
}
