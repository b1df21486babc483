import type { SyncEffect, SyncEvent } from '../../extension/src/p2p/sync/model.ts';
import { branchRef, type BranchName, type PeerId } from '../../extension/src/shared/ids.ts';
import type { SimRepository } from './sim-repository.ts';
import type { Mishaps, SimWorld } from './sim-world.ts';
import { hold } from './violation.ts';

type EffectOf<T extends SyncEffect['type']> = Extract<SyncEffect, { type: T }>;

/** What moving branches needs of the engine that does it. */
interface Mover {
  readonly id: PeerId;
  readonly repository: SimRepository;
  readonly world: SimWorld;
  readonly mishaps: Mishaps;
  /** Counts the lives of the engine: a crash ends one. */
  readonly life: () => number;
  /** Does something within that many milliseconds, unless the engine dies before. */
  readonly later: (withinMs: number, action: () => void) => void;
  readonly feed: (event: SyncEvent, heard?: () => void) => void;
}

/** Performs what a core asks to be done to branches: moves, merges and keeping. */
export class SimMoves {
  private readonly engine: Mover;
  /** Branches whose move that is out is not to be made. */
  private readonly withdrawn = new Set<BranchName>();

  constructor(engine: Mover) {
    this.engine = engine;
  }

  move({ branch, from, to, reviewed }: EffectOf<'move'>): void {
    const { repository, world, life, later, feed } = this.engine;
    const ref = branchRef(branch);
    const begun = life();
    this.withdrawn.delete(branch);
    const dropped = repository.droppedFrom(ref);
    const perform = (): SyncEvent => {
      const orphan = begun !== life();
      if ((repository.tip(branch) ?? null) !== from || (!orphan && this.withdrawn.has(branch)))
        return { type: 'move-refused', branch, to, why: 'ref-moved', detail: '' };
      if (repository.dirty && !reviewed && repository.head === branch) {
        return { type: 'move-refused', branch, to, why: 'pending', detail: 'local changes' };
      }
      // What an engine that died had begun knows nothing of what came after.
      repository.setByEngine(ref, to, reviewed, orphan ? dropped : undefined);
      return { type: 'moved', branch, from, to };
    };
    world.clock.after(world.random.between(1, 20), () => {
      // A crash in the middle: the journal finishes the move or undoes it (SY11).
      if (begun !== life() && world.random.chance(0.5)) return;
      const answer = perform();
      if (begun !== life()) return;
      later(5, () =>
        feed(answer, () => {
          const told = repository.told.get(ref) ?? null;
          if (answer.type === 'moved' && told === from) repository.told.set(ref, to);
        }),
      );
    });
  }

  withdraw({ branch }: EffectOf<'withdraw'>): void {
    this.withdrawn.add(branch);
  }

  merge({ branch, heads, take }: EffectOf<'merge'>): void {
    const { id, repository, world, mishaps, later, feed } = this.engine;
    const { random, graph } = world;
    for (const head of heads) hold(repository.has(head), () => `${id} merges ${head} and has it not`);
    const kept = repository.kept.get(branch);
    const lost = take === undefined ? [] : heads.filter((head) => head !== take && kept?.has(head) !== true);
    hold(lost.length === 0, () => `${id} lets ${lost.join()} of ${branch} lose without keeping it`);
    later(40, () => {
      if (random.chance(mishaps.mergeFails)) return feed({ type: 'merge-refused', branch, why: 'failed' });
      const merged = graph.merge(branch, heads, take);
      if (merged === undefined) return feed({ type: 'merge-refused', branch, why: 'conflicts' });
      repository.objects.addAll(graph.history(merged.commit));
      return feed({ type: 'merged', branch, ...merged });
    });
  }

  keep({ branch, tips }: EffectOf<'keep'>): void {
    const { repository, world, mishaps, life, later, feed } = this.engine;
    const failed = world.random.chance(mishaps.mergeFails);
    const begun = life();
    world.clock.after(world.random.between(1, 10), () => {
      if (!failed) repository.keep(branch, tips);
      // A crash in between: it is kept, and nobody was told.
      if (begun !== life()) return;
      later(3, () => feed({ type: failed ? 'keep-refused' : 'kept', branch }));
    });
  }
}
