import type { BranchState, PeerStanding, SyncEffect, SyncEvent } from '../../../extension/src/p2p/sync/model.ts';
import type { SyncOptions } from '../../../extension/src/p2p/sync/options.ts';
import { SyncCore } from '../../../extension/src/p2p/sync/sync-core.ts';
import type { BranchName, Oid, PeerId, RefName } from '../../../extension/src/shared/ids.ts';
import { CommitGraph } from '../../sim/commit-graph.ts';

type EffectOf<T extends SyncEffect['type']> = Extract<SyncEffect, { type: T }>;

/** `main` is a branch, `tag:v1` a tag; the value is the tip. */
export type Tips = Readonly<Record<string, Oid>>;

export const peerId = (letter: string): PeerId => `SHA256:${letter.repeat(43)}` as PeerId;
export const branch = (name: string): BranchName => name as BranchName;
export const refsOf = (tips: Tips): ReadonlyMap<RefName, Oid> =>
  new Map(
    Object.entries(tips).map(([name, tip]) => [
      (name.startsWith('tag:') ? `refs/tags/${name.slice(4)}` : `refs/heads/${name}`) as RefName,
      tip,
    ]),
  );

export const A = peerId('A');
export const B = peerId('B');
export const C = peerId('C');

/**
 * Drives one core by hand, for tests that tell one story. Relations are answered from a commit graph at once; fetches and moves are
 * answered by the test.
 */
export class CoreScript {
  readonly graph = new CommitGraph();
  core: SyncCore;
  /** Every effect so far, and those of the last event (with what followed from the relations it asked for). */
  readonly all: SyncEffect[] = [];
  last: SyncEffect[] = [];
  /** Relations are not answered while this is false. */
  relates = true;
  private seq = 0;
  private trees = 0;

  constructor(options: SyncOptions = {}) {
    this.core = new SyncCore(options);
  }

  /** Makes a commit with a tree of its own, or with the given one. */
  commit(parents: readonly Oid[] = [], tree?: number): Oid {
    this.trees += 1;
    return this.graph.commit(parents, tree ?? 1_000 + this.trees);
  }

  /** A line of commits from `parent` on, oldest first. */
  line(length: number, parent?: Oid): Oid[] {
    const line: Oid[] = [];
    for (let i = 0; i < length; i++) line.push(this.commit(i === 0 ? (parent ? [parent] : []) : [line[i - 1]!]));
    return line;
  }

  feed(event: SyncEvent): SyncEffect[] {
    this.last = [];
    const queue = [event];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const effects = this.core.handle(next);
      this.last.push(...effects);
      this.all.push(...effects);
      for (const effect of effects) if (effect.type === 'relate' && this.relates) queue.push(this.answer(effect));
    }
    return this.last;
  }

  answer({ pairs }: EffectOf<'relate'>): SyncEvent {
    return { type: 'related', relations: pairs.map(({ local, remote }) => this.graph.relation(local, remote)) };
  }

  local(tips: Tips, head = 'main'): SyncEffect[] {
    return this.feed({ type: 'local-refs', refs: refsOf(tips), head: branch(head) });
  }

  up(...peers: PeerId[]): void {
    for (const peer of peers) this.feed({ type: 'peer-up', peer });
  }

  manifest(peer: PeerId, tips: Tips): number {
    this.seq += 1;
    this.feed({ type: 'manifest', peer, seq: this.seq, refs: refsOf(tips) });
    return this.seq;
  }

  /** The peer's manifest comes and is fetched. */
  announces(peer: PeerId, tips: Tips, refused: readonly RefName[] = []): SyncEffect[] {
    const seq = this.manifest(peer, tips);
    return this.feed({ type: 'fetched', peer, seq, refused });
  }

  /** Lets the last move asked for go through. */
  moves(): SyncEffect[] {
    const move = this.every('move').at(-1)!;
    return this.feed({ type: 'moved', branch: move.branch, from: move.from, to: move.to });
  }

  /** Refuses the last move asked for. */
  refuses(why: 'ref-moved' | 'pending', detail = 'local changes'): SyncEffect[] {
    const { branch: name, to } = this.every('move').at(-1)!;
    return this.feed({ type: 'move-refused', branch: name, to, why, detail });
  }

  /** The effects of one type that the last event gave. */
  got<T extends SyncEffect['type']>(type: T): EffectOf<T>[] {
    return this.last.filter((effect): effect is EffectOf<T> => effect.type === type);
  }

  /** The effects of one type so far. */
  every<T extends SyncEffect['type']>(type: T): EffectOf<T>[] {
    return this.all.filter((effect): effect is EffectOf<T> => effect.type === type);
  }

  state(name = 'main'): BranchState | undefined {
    return this.core.branches().find((state) => state.branch === name);
  }

  with(peer: PeerId, name = 'main'): PeerStanding | undefined {
    return this.state(name)?.peers.find((candidate) => candidate.peer === peer);
  }

  standing(peer: PeerId, name = 'main'): PeerStanding['standing'] | undefined {
    return this.with(peer, name)?.standing;
  }

  /** Starts a new core from what the old one would have saved, as read back from disk. */
  restart(options: SyncOptions = {}): void {
    const restored = JSON.parse(JSON.stringify(this.core.persisted())) as ReturnType<SyncCore['persisted']>;
    this.core = new SyncCore({ ...options, restored });
  }
}
