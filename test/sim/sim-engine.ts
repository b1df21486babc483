import { decodePersistedSync } from '../../extension/src/p2p/sync/persisted.ts';
import type { Relation, SyncEffect, SyncEvent } from '../../extension/src/p2p/sync/model.ts';
import { MANUAL, type Strategies } from '../../extension/src/p2p/sync/strategy.ts';
import { SyncCore } from '../../extension/src/p2p/sync/sync-core.ts';
import { branchOf, type Oid, type PeerId, type RefName } from '../../extension/src/shared/ids.ts';
import type { Reason } from '../../extension/src/shared/errors.ts';
import { describe } from './describe.ts';
import { SimMoves } from './sim-moves.ts';
import type { SimMessage, SimNode } from './sim-network.ts';
import type { SimRepository } from './sim-repository.ts';
import { FAILURES, LAZY_MS, POLL_MS, type Mishaps, type SimWorld } from './sim-world.ts';
import { hold } from './violation.ts';

type EffectOf<T extends SyncEffect['type']> = Extract<SyncEffect, { type: T }>;

/**
 * Drives one `SyncCore` as the session does: performs its effects with delays, on a repository in memory and a simulated network. A crash
 * forgets everything but what was persisted, the manifest sequence and the repository.
 */
export class SimEngine implements SimNode {
  readonly id: PeerId;
  readonly repository: SimRepository;
  core = new SyncCore();
  running = false;
  strategies: Strategies = MANUAL;
  /** Sequence and refs of the last manifest; survive a crash, as the driver saves them before it sends. */
  manifest: { seq: number; refs: ReadonlyMap<RefName, Oid> } | undefined;
  /** Newest own manifest that each peer acknowledged. */
  readonly acks = new Map<PeerId, number>();
  /** Manifests for which `synced` was said, by peer. */
  readonly synced = new Map<PeerId, number>();
  events = 0;
  private readonly world: SimWorld;
  private readonly mishaps: Mishaps;
  private readonly linked = new Set<PeerId>();
  /** Counts the lives of the engine: what an earlier one began is lost. */
  private life = 0;
  private doomed: { readonly after: number; readonly onCrash: () => void } | undefined;
  private disk: string | undefined;
  private wakes = 0;
  private reading = false;
  private readAgain = false;
  private watching = false;
  private readonly moves: SimMoves;

  constructor(id: PeerId, repository: SimRepository, world: SimWorld, mishaps: Mishaps) {
    this.id = id;
    this.repository = repository;
    this.world = world;
    this.mishaps = mishaps;
    this.moves = new SimMoves({
      id,
      repository,
      world,
      mishaps,
      life: () => this.life,
      later: (withinMs, action) => this.later(withinMs, action),
      feed: (event, heard) => this.feed(event, heard),
    });
  }

  start(): void {
    const saved: unknown = this.disk === undefined ? undefined : JSON.parse(this.disk);
    const restored = saved === undefined ? undefined : decodePersistedSync(saved);
    hold(restored !== undefined || saved === undefined, () => 'what was persisted cannot be read back');
    const jitter = (_: PeerId | undefined, failures: number): number => (failures % 3) / 3;
    const options = { jitter, strategies: this.strategies };
    this.core = new SyncCore(restored === undefined ? options : { ...options, restored });
    this.running = true;
    this.reading = false;
    this.watching = false;
    this.repository.onChange = () => this.watch();
    this.read();
  }

  crash(): void {
    this.world.trace(this.id, 'crash');
    this.running = false;
    this.life += 1;
    this.linked.clear();
    this.repository.onChange = () => undefined;
  }

  onLink(peer: PeerId, up: boolean): void {
    if (up) this.linked.add(peer);
    else this.linked.delete(peer);
    this.feed({ type: up ? 'peer-up' : 'peer-down', peer });
  }

  onMessage(from: PeerId, message: SimMessage): void {
    if (message.kind === 'manifest') this.feed({ type: 'manifest', peer: from, seq: message.seq, refs: message.refs });
    else this.acks.set(from, Math.max(message.seq, this.acks.get(from) ?? 0));
  }

  /** Crashes in the middle of the next effects, after that many of them. */
  doom(after: number, onCrash: () => void): void {
    this.doomed = { after, onCrash };
  }

  /** `heard` is called once others, or the disk, can know what the event told. */
  feed(event: SyncEvent, heard: () => void = () => undefined): void {
    if (!this.running) return;
    this.events += 1;
    this.world.trace(this.id, `< ${describe(event)}`);
    for (const [i, effect] of this.core.handle(event).entries()) {
      if (this.doomed?.after === i) {
        const { onCrash } = this.doomed;
        this.doomed = undefined;
        return onCrash();
      }
      this.world.trace(this.id, `  > ${describe(effect)}`);
      this.perform(effect);
      if (effect.type === 'persist' || effect.type === 'announce') heard();
    }
    heard();
  }

  private perform(effect: SyncEffect): void {
    switch (effect.type) {
      case 'announce':
        return this.announce(effect);
      case 'greet':
        return this.greet(effect.peer);
      case 'fetch':
        return this.fetch(effect);
      case 'relate':
        return this.relate(effect);
      case 'move':
        return this.moves.move(effect);
      case 'withdraw':
        return this.moves.withdraw(effect);
      case 'merge':
        return this.moves.merge(effect);
      case 'keep':
        return this.moves.keep(effect);
      case 'create-tag':
        return this.later(5, () => this.createTag(effect));
      case 'read-refs':
        return this.read();
      case 'ack':
        return this.acknowledge(effect);
      case 'synced':
        return this.tellSynced(effect);
      case 'persist':
        return this.persist();
      case 'wake':
        return this.wake(effect.inMs);
      case 'branches-changed':
    }
  }

  /** A manifest takes nothing back that the user here did not take back. */
  private announce({ refs }: EffectOf<'announce'>): void {
    const { graph } = this.world;
    for (const [ref, before] of this.manifest?.refs ?? []) {
      const branch = branchOf(ref);
      const after = refs.get(ref);
      if (branch === undefined || this.repository.rewritten.has(branch)) continue;
      const kept = after !== undefined && graph.contains(after, before);
      hold(kept, () => `${this.id} announced a ${ref} that goes back, which nobody did`);
    }
    this.manifest = { seq: (this.manifest?.seq ?? 0) + 1, refs: new Map(refs) };
    for (const peer of this.linked) this.greet(peer);
  }

  /** Synced means that every branch is planned with this peer, and moved unless it waits for a person. */
  private tellSynced({ peer }: EffectOf<'synced'>): void {
    for (const { branch, peers, pending } of this.core.branches()) {
      const standing = peers.find((candidate) => candidate.peer === peer)?.standing;
      const done = standing !== 'unknown' && (standing !== 'fast-forward' || pending !== undefined);
      hold(done, () => `${this.id} says to be synced while ${branch} is ${String(standing)}`);
    }
    this.synced.set(peer, this.core.peerState(peer)?.fetchedSeq ?? -1);
  }

  private greet(peer: PeerId): void {
    if (this.manifest !== undefined) this.world.network.send(this.id, peer, { kind: 'manifest', ...this.manifest });
  }

  /** Acknowledged is what is here: anything less would let an author believe that a commit is safe. */
  private acknowledge({ peer, seq }: EffectOf<'ack'>): void {
    const node = this.world.network.nodeAt(this.id, peer);
    if (node instanceof SimEngine && node.manifest?.seq === seq) {
      const missing = [...node.manifest.refs].find(([, oid]) => !this.repository.has(oid));
      hold(missing === undefined, () => `${this.id} acknowledged ${String(missing)} without having it`);
    }
    this.world.network.send(this.id, peer, { kind: 'ack', seq });
  }

  private persist(): void {
    const saved = JSON.stringify(this.core.persisted());
    if (!this.mishaps.lazyPersist) this.disk = saved;
    else this.after(LAZY_MS, () => (this.disk = saved));
  }

  private wake(inMs: number): void {
    this.wakes += 1;
    const wake = this.wakes;
    this.after(inMs, () => {
      if (wake === this.wakes) this.feed({ type: 'tick', now: this.world.clock.now });
    });
  }

  private fetch({ peer, seq, refs }: EffectOf<'fetch'>): void {
    const { random, network, clock } = this.world;
    const wanted = [...refs].filter(([ref]) => !this.mishaps.refuses(ref));
    const refused = [...refs.keys()].filter(this.mishaps.refuses);
    const missing = wanted.filter(([, oid]) => !this.repository.has(oid));
    if (missing.length === 0) return this.later(3, () => this.feed({ type: 'fetched', peer, seq, refused }));
    const linkLife = network.lifeOf(this.id, peer);
    const reason = random.chance(this.mishaps.fetchFails) ? random.pick(FAILURES) : undefined;
    const life = this.life;
    clock.after(network.latency() * 2, () => {
      if (life !== this.life) return;
      const tips = missing.map(([, oid]) => oid);
      const failure = linkLife === undefined || network.lifeOf(this.id, peer) !== linkLife ? 'link-lost' : reason;
      const why = failure ?? this.receive(peer, tips);
      this.later(3, () =>
        this.feed(
          why === undefined
            ? { type: 'fetched', peer, seq, refused }
            : { type: 'fetch-failed', peer, seq, reason: why },
        ),
      );
    });
  }

  /** `upload-pack` serves what is reachable from the other side's refs now, not what was when it announced them. */
  private receive(peer: PeerId, tips: readonly Oid[]): Reason | undefined {
    const node = this.world.network.nodeAt(this.id, peer);
    if (!(node instanceof SimEngine)) return 'unreachable';
    const { graph } = this.world;
    const wanted = graph.reach(tips);
    if (!wanted.isWithin(graph.reach(node.repository.refs.values()))) return 'object-missing';
    this.repository.objects.addAll(wanted);
    return undefined;
  }

  private relate({ pairs }: EffectOf<'relate'>): void {
    const { random, graph } = this.world;
    for (const { local, remote } of pairs) {
      hold(this.repository.has(local) && this.repository.has(remote), () => `${this.id} relates an object it has not`);
    }
    const answered = pairs.filter(() => !random.chance(this.mishaps.relateMisses));
    const relations = answered.map(({ local, remote }): Relation => graph.relation(local, remote));
    this.later(10, () => this.feed({ type: 'related', relations }));
  }

  private createTag({ ref, oid }: EffectOf<'create-tag'>): void {
    if (!this.repository.refs.has(ref)) this.repository.setByEngine(ref, oid, false);
  }

  private watch(): void {
    if (this.watching) return;
    this.watching = true;
    const missed = this.world.random.chance(this.mishaps.watchMisses);
    this.after(missed ? POLL_MS : this.world.random.between(1, 30), () => {
      this.watching = false;
      this.read();
    });
  }

  /** Reads the refs, one reading at a time; what was read may be old by the time it arrives. */
  private read(): void {
    if (!this.running) return;
    this.readAgain = this.reading;
    if (this.reading) return;
    this.reading = true;
    const refs = new Map(this.repository.refs);
    const head = this.repository.head;
    this.later(15, () => {
      this.reading = false;
      this.feed({ type: 'local-refs', refs, head }, () => {
        this.repository.told.clear();
        for (const [ref, oid] of refs) this.repository.told.set(ref, oid);
      });
      if (this.readAgain) this.read();
    });
  }

  /** Does something within that many milliseconds, unless the engine dies before. */
  private later(withinMs: number, action: () => void): void {
    this.after(this.world.random.between(1, withinMs), action);
  }

  private after(inMs: number, action: () => void): void {
    const life = this.life;
    this.world.clock.after(inMs, () => {
      if (life === this.life) action();
    });
  }
}
